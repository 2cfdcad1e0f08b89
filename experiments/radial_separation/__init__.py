"""Does a second hidden layer pay on functions of the norm, in growing dimension?"""
