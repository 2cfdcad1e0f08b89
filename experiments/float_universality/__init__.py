"""Can a float16 network equal a given function on every float16, in any order of sums?"""
