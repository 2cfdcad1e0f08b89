"""How far from the best possible are fitted ReLU networks in one dimension, and why?"""
