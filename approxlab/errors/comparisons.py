"""Rates and gaps; they need no JAX, so `approxlab.rates` defines them."""

from approxlab.rates import gap, rate

__all__ = ["gap", "rate"]
