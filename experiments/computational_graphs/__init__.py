"""What do forward and reverse mode do, step by step?"""
