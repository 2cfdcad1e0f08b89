"""What is wrong with finite differences? Error against step, cost against inputs."""
