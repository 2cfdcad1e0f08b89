"""Does training find what depth allows: is a deep ReLU network better than the best shallow one?"""
