"""How many units does depth save: built, trained, and at the least possible?"""
