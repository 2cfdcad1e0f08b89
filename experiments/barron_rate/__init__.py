"""Does the error of n sampled units grow with the dimension? Barron's rate for the Gaussian."""
