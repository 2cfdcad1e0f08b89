"""What does a Jacobian cost by each method, and which method is the fastest?"""
