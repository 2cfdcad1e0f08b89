"""Which frequencies does an infinitely wide network learn first, and which ones never?"""
