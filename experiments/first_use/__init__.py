"""What does a user wait for on first use, and what does it take when everything is compiled?"""
