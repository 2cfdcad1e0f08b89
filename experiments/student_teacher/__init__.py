"""How precisely can a student recover its teacher?"""
