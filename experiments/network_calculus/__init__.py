"""Where do networks compute exactly what polynomials approach, and where do polynomials win?"""
