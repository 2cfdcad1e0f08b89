"""How many units does an error of eps take: in one hidden layer, and in many?"""
