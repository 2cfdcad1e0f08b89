"""Steep units with coefficients read off the target, or wide units with solved coefficients?"""
