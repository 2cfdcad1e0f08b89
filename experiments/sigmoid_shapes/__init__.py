"""What does one sigmoid look like, and how do two of them make a bump?"""
