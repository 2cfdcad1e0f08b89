"""What does a gradient cost, compared with the function, in time and in memory?"""
