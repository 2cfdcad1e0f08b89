"""Colours by meaning: the one table from which all figures of approxlab take theirs.

The hues are the eight of Okabe and Ito ("Color universal design", 2008), which readers with any
common colour-vision deficiency can tell apart, and a few greys for what is not the subject of a
figure: limits, other libraries, published results. A topic is one family of curves that are drawn
together; inside of a topic each meaning has a colour of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HUES", "colors"]

_BLUE, _VERMILLION, _GREEN = "#0072B2", "#D55E00", "#009E73"
_ORANGE, _PURPLE, _SKY, _BLACK = "#E69F00", "#CC79A7", "#56B4E9", "#000000"

HUES = (_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILLION)
"""Hues for unordered curves, such as targets, in the order in which they are taken."""

_MEANINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # What depth buys, and what is known of the optimum.
        "depth": {"deep": _BLUE, "shallow": _VERMILLION, "below the optimum": "#BBBBBB"},
        "answer": {
            "target": _BLACK,
            "constructed": _BLUE,
            "fitted": _ORANGE,
            "least": _VERMILLION,
            "eps": "#777777",
        },
        # What is known of an error, and the sign of a weight.
        "claims": {
            "estimate": _ORANGE,
            "bound": _BLACK,
            "mean bound": _PURPLE,
            "optimum": _GREEN,
            "number": "#777777",
            "proved band": _SKY,
        },
        "signs": {"positive": _BLUE, "negative": _VERMILLION},
        "depth separation": {
            "deep": _BLUE,
            "least": _VERMILLION,
            "shallow": _ORANGE,
            "trained": _GREEN,
        },
        "deep training": {
            "adam": _VERMILLION,
            "levenberg_marquardt": _ORANGE,
            "continuation": _BLUE,
            "bound": _BLACK,
            "published": _PURPLE,
        },
        "hidden layers": {"one": _BLUE, "two": _VERMILLION, "towers": "#777777"},
        # Constructions.
        "sigmoid sums": {
            "classical": _VERMILLION,
            "midpoint": _BLUE,
            "costarelli_spigler": _ORANGE,
            "moderate": _GREEN,
        },
        "steep or solved": {
            "classical": _VERMILLION,
            "midpoint": _ORANGE,
            "costarelli_spigler": _PURPLE,
            "midpoint_tuned": _GREEN,
            "solved": _BLUE,
        },
        "steepness": {"shallow": _VERMILLION, "best": _BLACK, "steep": _BLUE},
        "units": {"first": _BLUE, "second": _VERMILLION, "third": _GREEN, "sum": _PURPLE},
        "sampled units": {"fourier": _BLUE, "ridge": _VERMILLION, "bound": "#555555"},
        # Proved errors.
        "certified benchmark": {
            "ReLU, published size": _VERMILLION,
            "tanh, published size": _BLUE,
            "tanh, 3 layers of 64": _GREEN,
        },
        "certified growth": {"all": _VERMILLION, "1D": _BLUE, "2D": _GREEN},
        "faults": {"found": _BLUE, "left": _ORANGE},
        "certified": {"proved": _BLUE, "claimed": _VERMILLION},
        "certified sampling": {"tanh": _BLUE, "relu": _VERMILLION},
        "float universality": {
            "digits": _BLUE,
            "step": _GREEN,
            "sigmoid": _PURPLE,
            "relu": _ORANGE,
            "tanh": "#555555",
            "jumps": _VERMILLION,
            "fit": _ORANGE,
            "cos": _VERMILLION,
            "soft shrinkage": _PURPLE,
            "none": _BLUE,
        },
        "certified fits": {
            "adam": _VERMILLION,
            "lbfgs": _ORANGE,
            "levenberg_marquardt": _SKY,
            "variable_projection": _GREEN,
            "solve": _BLUE,
        },
        # Costs.
        "growth": {"before": _VERMILLION, "after": _BLUE},
        "workers": {"start": "#9a9a9a", "units": _BLUE},
        "first use": {"compile": _VERMILLION, "rest": _ORANGE, "running": _BLUE},
        # Fits.
        "training": {
            "adam": _VERMILLION,
            "adam_lbfgs": _ORANGE,
            "lbfgs": _ORANGE,
            "adam_ssbroyden": _PURPLE,
            "ssbfgs": "#8C6BB1",
            "ssbroyden": _PURPLE,
            "levenberg_marquardt": _SKY,
            "variable_projection": _GREEN,
            "solve": _BLUE,
            "other libraries": "#8a8a8a",
        },
        "least squares": {
            "adam": _PURPLE,
            "lbfgs": _ORANGE,
            "staged": _SKY,
            "ssbroyden": "#999999",
            "plain": _VERMILLION,
            "corrected": _GREEN,
            "projected": _BLUE,
        },
        "models": {
            "linear": _BLACK,
            "polynomial": _VERMILLION,
            "mlp": _BLUE,
            "hand_made": _GREEN,
        },
        "bases": {"monomial": _ORANGE, "chebyshev": _VERMILLION, "legendre": _PURPLE},
        "knots": {
            "adam": _VERMILLION,
            "levenberg_marquardt": _PURPLE,
            "variable_projection": _GREEN,
            "greedy": _ORANGE,
            "placed": _SKY,
            "polished": _BLUE,
        },
        "greedy": {
            "as published": "#999999",
            "best step": _BLUE,
            "random": _SKY,
            "polished": _VERMILLION,
        },
        "approximants": {
            "tanh": _BLUE,
            "graded": _GREEN,
            "polynomial": _VERMILLION,
            "rational": _PURPLE,
        },
        "targets in two dimensions": {
            "sine_product": _SKY,
            "bump": _BLUE,
            "compositional": _ORANGE,
        },
        # Gradient descent: where a step size lies, what becomes of a start, a training.
        "step sizes": {"below": _BLUE, "at": _GREEN, "above": _VERMILLION},
        "outcomes": {
            "one side": _SKY,
            "across": _BLUE,
            "saddle": _GREEN,
            "bounded": _ORANGE,
            "diverged": "#DDDDDD",
        },
        "edge of stability": {"flow": _BLACK, "central": _GREEN},
        # Derivatives.
        "sweeps of a trace": {"forward": "#007A5A", "reverse": "#C44E00"},
        "jacobian methods": {
            "forward": _BLUE,
            "reverse": _VERMILLION,
            "chunked": _PURPLE,
            "differences": "#7F7F7F",
            "structured": _SKY,
            "planned": _GREEN,
        },
        "bracketings": {
            "forward": _VERMILLION,
            "reverse": _ORANGE,
            "structured_forward": _GREEN,
            "structured_reverse": _SKY,
            "planned": _BLUE,
        },
        "difference schemes": {
            "forward": _VERMILLION,
            "backward": _ORANGE,
            "central": _BLUE,
            "richardson": _GREEN,
            "complex": _PURPLE,
        },
        "difference costs": {
            "central": _BLUE,
            "one-sided": _VERMILLION,
            "reverse": _BLACK,
            "value": "0.6",
        },
        "weight derivatives": {"form": _VERMILLION, "contract": _ORANGE, "outer": _BLUE},
        "entries": {"zero": "#F3F3F3"},
        "networks of a gradient": {"equal": _BLUE, "many_inputs": _GREEN, "small": _VERMILLION},
        "kept for reverse mode": {"everything": _BLUE, "layers": _ORANGE, "blocks": _PURPLE},
        # Infinitely wide networks.
        "kernels": {"nngp": _BLUE, "ntk": _VERMILLION},
        "finite width": {
            "one layer": _BLUE,
            "three layers": _VERMILLION,
            "random features": _GREEN,
        },
        "kernel or features": {"kernel": _VERMILLION, "network": _BLUE},
        "trained on cos 3t": {"one layer": _VERMILLION, "with biases": _BLUE, "two layers": _GREEN},
        "three questions": {
            "formula": _BLUE,
            "wrong": _VERMILLION,
            "segment": _ORANGE,
            "curvature": _PURPLE,
        },
        # The training loop.
        "throughput": {
            "sweep": _BLUE,
            "single_device": "#80B8D8",
            "other libraries": "#9a9a9a",
        },
        "parts of a step": {
            "products": _BLUE,
            "activation": _ORANGE,
            "optimiser": _PURPLE,
            "rest": "#c4c4c4",
            "host": _VERMILLION,
        },
    }
)


def colors(topic: str) -> Mapping[str, str]:
    """Meaning to colour, for one family of curves that are drawn together.

    Args:
        topic: A topic, such as "depth", "training", "jacobian methods".

    Returns:
        A read-only mapping from meaning to a colour that matplotlib understands.

    Raises:
        ValueError: If there is no such topic; the message lists all.

    Example:
        >>> colors("depth")["deep"]
        '#0072B2'
    """
    if topic not in _MEANINGS:
        raise ValueError(f"topic: got {topic!r}, expected one of {', '.join(_MEANINGS)}.")
    return MappingProxyType(_MEANINGS[topic])
