"""In which order should layer Jacobians be multiplied, and is the cheapest order the fastest?"""
