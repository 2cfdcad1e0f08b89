"""Do tanh networks reach machine precision, and with how many units compared with polynomials?

One hidden layer of wide tanh units, its last layer by one solve, on analytic targets: relative L2
error against width, with equally spaced centres and, for Runge's function, graded ones; for
comparison the interpolating polynomial at Chebyshev points and the rational function found by AAA.
Then the same in two dimensions: ridges against tensor products of polynomials. Finally the same
units with the last layer of least maximum error instead of least squares, between its two bounds.

The smallest errors are rounding: they are equal from run to run on one machine, but change with the
number of threads of its linear algebra.

    python -m experiments.machine_precision
    python -m experiments.machine_precision --preset paper --publish
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments import runner
from experiments.machine_precision.figure import draw
from experiments.machine_precision.findings import REQUIRED, caption, check, table
from experiments.runner import own_targets

if TYPE_CHECKING:
    import numpy as np

    from approxlab.targets import Target

REVISION = 2

_POINTS = 8001  # at which the errors on an interval are measured
_CLUSTER = (0.5, 0.07)  # of the graded centres: in the middle, below the poles at distance 0.1
_GRADED = "runge"
_PLANE_NODES = {"n": 8, "panels": 16}
_SUP_TOL = 0.01
_REPEATS = 3


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of `machine_precision`."""

    targets: tuple[str, ...] = ("exp", "sine4", "runge", "chirp")
    """Targets of one variable: from the catalogue, on [-1, 1], or your own as path/to/file.py:name
    or module:name."""
    widths: tuple[int, ...] = (8, 12, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192,
                               215, 256, 320, 390, 430)  # fmt: skip
    """Numbers of units, and of coefficients of the polynomials."""
    poles: tuple[int, ...] = (2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64)
    """Numbers of support points of the rational functions, which have one pole less."""
    planes: tuple[str, ...] = ("sine_product", "bump", "compositional")
    """Targets of two variables: from the catalogue, or your own."""
    plane_widths: tuple[int, ...] = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
    """Numbers of ridges."""
    plane_degrees: tuple[int, ...] = (4, 6, 8, 10, 12, 16, 20, 24, 28, 32)
    """Numbers of polynomial coefficients in each of the two variables."""
    sup_widths: tuple[int, ...] = (8, 12, 16, 24, 32)
    """Numbers of units of the networks whose last layer is solved in the sup norm."""
    shown: int = 12
    """Number of units of the two networks for Runge's function whose errors are drawn."""


PRESETS = {
    "smoke": Config(
        targets=("exp", "runge"),
        widths=(16, 48),
        poles=(4, 8),
        planes=("bump",),
        plane_widths=(64, 128),
        plane_degrees=(8, 12),
        sup_widths=(8,),
    ),
    "default": Config(),
    "paper": Config(
        widths=(8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 80, 88, 96, 104, 112,
                120, 128, 136, 144, 160, 176, 192, 215, 232, 256, 288, 320, 360, 390, 430, 512),
        poles=tuple(range(2, 65, 2)),
        plane_widths=(32, 48, 64, 96, 128, 192, 256, 320, 384, 512, 640, 768, 896, 1024, 1280,
                      1500),
        plane_degrees=tuple(range(4, 39, 2)),
        sup_widths=(8, 10, 12, 14, 16, 20, 24, 28, 32, 40),
    ),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit per cell; sizes that share a compilation are neighbours."""
    check_sizes(config)
    for field, dim in (("targets", 1), ("planes", 2)):
        for name in filter(own_targets.is_own, getattr(config, field)):
            own_targets.check(field, name, (), dim=dim)
    own = own_targets.fields
    required = [
        {"story": "acceptance", "target": target, "method": "tanh", "n": n}
        for target, limits in REQUIRED.items()
        for n in limits["widths"]
        if target in config.targets
    ]
    solved = [
        {"story": "error", **own(target), "method": method, "n": n}
        for n in config.widths
        for method in ("tanh", "graded", "polynomial")
        for target in config.targets
        if method != "graded" or (target == _GRADED and n >= 16)
    ]
    rational = [
        {"story": "error", **own(target), "method": "rational", "n": n}
        for n in config.poles
        for target in config.targets
    ]
    plane = [
        {"story": "plane", **own(target), "method": method, "n": n}
        for method, sizes in (("ridges", config.plane_widths), ("tensor", config.plane_degrees))
        for n in sizes
        for target in config.planes
    ]
    largest = [
        {"story": "sup", **own(target), "n": n}
        for n in config.sup_widths
        for target in config.targets
    ]
    curve = {"story": "curve", "target": _GRADED, "n": config.shown}
    return [*required, *solved, *rational, *plane, *largest, curve]


def check_sizes(config: Config) -> None:
    """Refuses sizes for which there is no network."""
    sizes = {
        "widths": (4, config.widths),
        "poles": (1, config.poles),
        "plane_widths": (16, config.plane_widths),
        "plane_degrees": (1, config.plane_degrees),
        "sup_widths": (4, config.sup_widths),
        "shown": (4, (config.shown,)),
    }
    for name, (least, given) in sizes.items():
        if not given or min(given) < least:
            raise ValueError(f"{name}: got {given}, expected sizes of at least {least}.")


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of a cell: its errors, or the two error curves."""
    from approxlab import targets

    target = own_targets.find(unit) or targets.get(unit["target"])
    if unit["story"] == "curve":
        return _curves(target, unit["n"])
    rows: dict[str, Callable[[Target, str, int], Mapping[str, Any]]] = {
        "acceptance": _required,
        "error": _on_interval,
        "plane": _on_rectangle,
        "sup": _largest,
    }
    return [rows[unit["story"]](target, unit.get("method", ""), unit["n"])]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    cells = len(config.targets) * (2 * len(config.widths) + len(config.poles))
    ridges = sum(0.3 + 1.5e-9 * n**3 for n in config.plane_widths) * len(config.planes)
    return 8.0 + 0.12 * cells + ridges + 0.3 * len(config.sup_widths) * len(config.targets)


def _required(target: Target, method: str, n: int) -> dict[str, Any]:
    """Required and reached error, and the time of a solve; only the first call compiles."""
    from approxlab.fitting import quasi_interpolant

    row = _on_interval(target, method, n)
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        quasi_interpolant(target, n)
        times.append(time.perf_counter() - began)
    limits = REQUIRED[target.name]
    return {
        "asked": limits["relative_l2_error"],
        "asked_units": max(limits["widths"]),
        "reached": row.pop("relative_l2_error"),
        "solve_s": min(times),
        **row,
    }


def _on_interval(target: Target, method: str, n: int) -> dict[str, Any]:
    """Relative L2 error, and sup error, at equally spaced points of the interval."""
    import numpy as np

    from approxlab.evaluation import values_at
    from approxlab.fitting import clustered, quasi_interpolant

    x = target.domain.uniform(_POINTS)
    wanted = values_at(target, x)
    if method in ("tanh", "graded"):
        grading = clustered(*_CLUSTER) if method == "graded" else None
        solved = quasi_interpolant(target, n, grading=grading)
        got, found = values_at(solved.network, x), _of_solve(solved.solve)
        found["num_hidden_units"] = solved.network.num_hidden_units
    elif method == "polynomial":
        got, found = _polynomial(target, n)(x[:, 0]), {}
    else:
        got, found = _rational(target, n, x[:, 0])
    size = float(np.linalg.norm(wanted))
    return {
        "relative_l2_error": float(np.linalg.norm(got - wanted)) / size,
        "sup_error": float(np.max(np.abs(got - wanted))),
        **found,
    }


def _of_solve(found: Any) -> dict[str, Any]:
    condition = float(f"{found.condition:.2g}")  # an estimate: its last bits vary
    return {"rank": found.rank, "condition": condition}


def _polynomial(target: Target, n: int) -> Callable[[np.ndarray], np.ndarray]:
    """The interpolating polynomial at n Chebyshev points, by the barycentric formula."""
    from approxlab.evaluation import values_at

    if n == 1:
        middle = values_at(target, target.domain.midpoints(1))
        return lambda x: 0.0 * x + middle
    nodes = target.domain.chebyshev(n)
    heights = values_at(target, nodes)
    return lambda x: _barycentric(nodes[:, 0], x) @ heights


def _barycentric(nodes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of Lagrange's polynomials of Chebyshev points of the second kind: (points, nodes)."""
    import numpy as np

    weights = (-1.0) ** np.arange(len(nodes))
    weights[[0, -1]] *= 0.5
    gaps = x[:, None] - nodes
    hit = gaps == 0.0
    parts = weights / np.where(hit, 1.0, gaps)
    lagrange = parts / parts.sum(axis=1, keepdims=True)
    return np.where(hit.any(axis=1, keepdims=True), hit.astype(float), lagrange)


def _rational(target: Target, n: int, x: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """By AAA at 1024 Chebyshev points, with at most n support points."""
    import warnings

    import numpy as np
    from scipy.interpolate import AAA

    from approxlab.evaluation import values_at

    nodes = target.domain.chebyshev(1024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where n support points are too few to converge
        found = AAA(nodes[:, 0], values_at(target, nodes), rtol=1e-14, max_terms=n)
    return np.asarray(found(x)), {"num_support_points": len(found.weights)}


def _on_rectangle(target: Target, method: str, n: int) -> dict[str, Any]:
    """Relative L2 error by a Gauss-Legendre rule."""
    import numpy as np

    from approxlab.evaluation import values_at
    from approxlab.fitting import ridge_quasi_interpolant

    x, weights = target.domain.gauss_legendre(**_PLANE_NODES)
    wanted = values_at(target, x)
    if method == "ridges":
        solved = ridge_quasi_interpolant(target, n)
        got, found = values_at(solved.network, x), _of_solve(solved.solve)
        found["num_hidden_units"] = solved.network.num_hidden_units
        found["num_coefficients"] = n + 1
    else:
        nodes = target.domain.chebyshev(n)
        heights = values_at(target, nodes).reshape(n, n)
        axes = [np.unique(x[:, i]) for i in (0, 1)]
        left, right = (_barycentric(np.unique(nodes[:, i]), axis) for i, axis in enumerate(axes))
        got, found = (left @ heights @ right.T).ravel(), {"num_coefficients": n * n}
    error = np.sqrt(weights @ np.square(got - wanted))
    return {"relative_l2_error": float(error / np.sqrt(weights @ np.square(wanted))), **found}


def _largest(target: Target, method: str, n: int) -> dict[str, Any]:
    """The largest error of least squares, the least largest error, and its lower bound."""
    import numpy as np

    from approxlab import errors

    squares, largest, _ = _both(target, n)
    solution = largest.solve.to_rows()[0]
    residuals = np.abs(_discrepancies(squares.network, target))
    return {
        "least_squares_largest_residual": float(np.max(residuals)),
        "sup_error": float(errors.sup(largest.network, target)),
        **solution,
    }


def _both(target: Target, n: int) -> Any:
    """The same units with both last layers, solved at the same points."""
    from approxlab.fitting import quasi_interpolant, readout

    squares = quasi_interpolant(target, n)
    points = target.domain.chebyshev(_sup_points(n))
    largest = readout(squares.network, target, points=points, norm="sup", tol=_SUP_TOL)
    return squares, largest, points


def _sup_points(n: int) -> int:
    return max(401, 16 * n + 1)


def _discrepancies(network: Any, target: Target) -> np.ndarray:
    from approxlab.errors.pointwise import model_minus_target

    points = target.domain.chebyshev(_sup_points(network.num_hidden_units))
    return model_minus_target(network, target, points)


def _curves(target: Target, n: int) -> list[dict[str, Any]]:
    """Error against x, with the last layer of least squares and that of least maximum."""
    squares, largest, points = _both(target, n)
    curves = (_discrepancies(solved.network, target) for solved in (squares, largest))
    return [
        {
            "x": float(x),
            "least_squares_error": float(a),
            "least_maximum_error": float(b),
            "lower": float(largest.solve.lower),
        }
        for (x,), a, b in zip(points, *curves, strict=True)
    ]


EXPERIMENT = runner.Experiment(
    name="machine_precision",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=seconds,
)
