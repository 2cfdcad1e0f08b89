"""How far does training leave a network above what one least-squares solve of it reaches?"""
