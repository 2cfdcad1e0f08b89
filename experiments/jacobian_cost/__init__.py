"""What does a Jacobian cost, by which method, and which is the fastest?"""
