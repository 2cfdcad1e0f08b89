"""By how much does the largest of many samples understate a sup norm, and what do searches miss?"""
