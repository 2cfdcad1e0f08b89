"""Is there a float16 network that equals a given function on every float16, in any order of sums?"""
