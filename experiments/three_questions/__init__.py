"""Can you take the gradient of a network's loss, is there a closed form, and is it convex?"""
