"""`MLP`, its activations and initialisations, and the calculus of networks."""

from approxlab.networks.activations import ACTIVATIONS, activation
from approxlab.networks.calculus import compose, parallel, postcompose, precompose
from approxlab.networks.initialisation import INITIALISATIONS
from approxlab.networks.mlp import MLP

__all__ = [
    "ACTIVATIONS",
    "INITIALISATIONS",
    "MLP",
    "activation",
    "compose",
    "parallel",
    "postcompose",
    "precompose",
]
