"""How does the cost of a proved sup norm grow with dimension, width and depth?"""
