"""When does a network that learns features beat its own kernel, and when does it not?"""
