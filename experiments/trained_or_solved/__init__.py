"""How far above one least-squares solve for its last layer does training leave a network?"""
