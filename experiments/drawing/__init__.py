"""What the figures of several experiments share."""
