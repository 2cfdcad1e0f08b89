"""Steep units with coefficients read off, or wide units with coefficients solved for?"""
