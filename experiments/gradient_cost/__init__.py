"""What does a gradient cost beside the function, in time and in memory?"""
