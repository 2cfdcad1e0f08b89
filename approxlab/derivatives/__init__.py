"""What a derivative of a network is, what it costs, and how it is computed."""
