"""Jacobians of layers, and of networks in their weights, with their structure kept."""
