"""How do sums of sigmoids approximate in more than one dimension, with one hidden layer and two?"""
