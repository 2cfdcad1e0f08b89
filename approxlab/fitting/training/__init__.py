"""Training: methods, data, compiled programs, and the seeds that run through them."""
