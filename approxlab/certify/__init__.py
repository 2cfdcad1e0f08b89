"""Certified errors: what is proved of a network on a whole box, in floating point."""
