"""How precisely is a network found again that is known to exist?"""
