"""The target x^2 on any interval, for the shallow and the deep construction."""

from __future__ import annotations

from typing import Any

from approxlab.constructions._relu_rounding import check_held
from approxlab.domains import Box, check_interval
from approxlab.targets.catalogue import get
from approxlab.targets.target import Target


def square_on(domain: Any) -> Target:
    """The target x^2 itself on an interval; `Target.moved_to` would rescale the one on [0, 1]."""
    base = get("square")
    if domain is None or domain == base.domain:
        return base
    if not isinstance(domain, Box):
        raise TypeError(f"domain: got {domain!r}, expected a Box, such as al.Box([0.0], [1.0]).")
    a, b = check_interval(domain)
    check_held("domain", domain, max(a * a, b * b))
    low = 0.0 if a <= 0.0 <= b else min(a * a, b * b)
    return Target(
        base.fn,
        domain=domain,
        name="square",
        value_min=low,
        value_max=max(a * a, b * b),
        lipschitz=2 * max(abs(a), abs(b)),
        second_derivative=2.0,
        integral=(b - a) * ((a * a + a * b + b * b) / 3),
        source="elementary",
    )
