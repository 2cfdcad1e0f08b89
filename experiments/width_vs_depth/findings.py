"""What the rows of `width_vs_depth` show: checks, caption and table.

Everything here reads rows only, so a figure can be drawn again without computing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from experiments.drawing.rows import Row, of

__all__ = ["Gain", "caption", "check", "gains", "table"]

_FACTOR = 2.0  # smaller ratios between the errors of two depths count as equal


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any seed.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="built"):
        _check_built(row)
    for row in of(rows, best_kind="lower"):
        for norm in ("relative_l2_error", "sup_error"):
            assert not row[norm] < row[f"best_{norm}"] * (1 - 1e-6), (
                f"a network with {row['num_parameters']} parameters has a {norm} below its lower "
                "bound"
            )


def _check_built(row: Row) -> None:
    """Errors exactly as claimed; pieces and units as the theorem states."""
    name, n = row["construction"], row["levels"]
    claim, error = row["claimed_sup_error"], row["sup_error"]
    # In float64 nothing is rounded at these dyadic points; in float32 every unit may be.
    double = row["dtype"] == "float64"
    slack = 1e-12 * claim if double else 2.0**-23 * row["num_hidden_units"]
    assert abs(error - claim) <= slack, f"{name}, {n} levels: error {error}, not {claim}"
    assert claim == (2.0 ** (-2 * n - 3) if name.startswith("square") else 0.0), f"{name}: {claim}"
    assert row["pieces"] == 2**n or not double, f"{name}, {n} levels: {row['pieces']} pieces"
    shallow = name.endswith("shallow")
    units, depth = (2**n, 1) if shallow else (n, n)
    found = (row["num_hidden_units"], row["depth"])
    assert found == (units, depth), f"{name}, {n} levels: {found} units and layers"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    deep, shallow = (of(rows, construction=f"square_{kind}")[-1] for kind in ("deep", "shallow"))
    return " ".join(
        [
            f"Built: for x^2 on [0, 1], {deep['num_hidden_units']} ReLUs in as many layers and "
            f"{shallow['num_hidden_units']} in one layer have the same sup error "
            f"{deep['sup_error']:.2g}; no network of N ReLUs has an error below 2^(-2N-3).",
            "Trained: median and quartiles over seeds, L-BFGS on all training points.",
            *_of_depth(rows),
            *_of_the_square(rows),
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Median relative L2 error at the largest budget, by depth."""
    trained = of(rows, story="trained")
    depths = sorted({row["depth"] for row in trained})
    budget = max(row["budget"] for row in trained)
    width = max(len(f"{row['target']} {row['activation']}") for row in trained)
    head = f"{'':{width}}" + "".join(f"{f'depth {d}':>11}" for d in depths)
    lines = [f"Median relative L2 error, about {budget} parameters", head]
    for target, activation in _panels(rows):
        errors = _medians(rows, target, activation)
        numbers = "".join(f"{errors[depth]:>11.1e}" for depth in depths)
        lines.append(f"{f'{target} {activation}':{width}}{numbers}")
    return "\n".join([*lines, *_of_the_square(rows), _of_time(rows)])


def _of_time(rows: Sequence[Row]) -> str:
    """Seconds of fitting and of compilation; those of measuring the errors are not included."""
    fits = [row for row in rows if row["story"] != "built" and row["seed"] == 0]
    compiling, running = (sum(row[name] for row in fits) for name in ("compile_s", "run_s"))
    return (
        f"Fits took {compiling + running:.1f} s, including {compiling:.1f} s to compile "
        f"{sum(row['compile_s'] > 0 for row in fits)} programs."
    )


class Gain(NamedTuple):
    """What depth gains on one target: median relative L2 errors at the largest budget.

    Attributes:
        target: Name of the target.
        activation: Of the networks.
        depth: The best of the deeper networks.
        shallow: Error of the least depth.
        deep: Error of that depth.
    """

    target: str
    activation: str
    depth: int
    shallow: float
    deep: float

    @property
    def ratio(self) -> float:
        """Above 1 where depth helps; not a number where a median is not finite."""
        finite = math.isfinite(self.shallow) and math.isfinite(self.deep) and self.deep > 0
        return self.shallow / self.deep if finite else math.nan


def gains(rows: Sequence[Row]) -> list[Gain]:
    """The gain on every target with every activation; none where there is one depth only."""
    found = []
    for target, activation in _panels(rows):
        errors = _medians(rows, target, activation)
        shallow = errors.pop(min(errors))
        if errors:
            depth = min(errors, key=lambda d: errors[d])
            found.append(Gain(target, activation, depth, shallow, errors[depth]))
    return found


def _of_depth(rows: Sequence[Row]) -> list[str]:
    """Where depth helps in training at the largest budget, whatever the rows show."""
    trained = of(rows, story="trained")
    budget, first = max(r["budget"] for r in trained), min(r["depth"] for r in trained)
    said: dict[str, list[str]] = {"below": [], "same": [], "above": [], "failed": []}
    for target, activation, depth, shallow, deep in gains(rows):
        name = f"{target} {activation}"
        if not math.isfinite(max(shallow, deep)):
            said["failed"].append(name)
        elif deep * _FACTOR < shallow:
            said["below"].append(
                f"{name} ({shallow / deep if deep else math.inf:.2g} times, depth {depth})"
            )
        elif deep > _FACTOR * shallow:
            said["above"].append(f"{name} ({deep / shallow:.2g} times, depth {depth})")
        else:
            said["same"].append(name)
    if not any(said.values()):
        return []
    words = {
        "below": f"beats depth {first} on",
        "same": f"is within a factor {_FACTOR:.2g} of depth {first} on",
        "above": f"is worse than depth {first} on",
        "failed": f"or depth {first} is not finite on",
    }
    listed = "; ".join(f"{words[kind]} {', '.join(names)}" for kind, names in said.items() if names)
    return [f"At about {budget} parameters, by the median error, the best deeper network {listed}."]


def _of_the_square(rows: Sequence[Row]) -> list[str]:
    """Trained networks for x^2 against built ones of the same depth: only what the rows show."""
    trained = of(rows, story="trained", target="square", activation="relu")
    if not trained:
        return []
    budget = max(row["budget"] for row in trained)
    worse = []
    for built in of(rows, construction="square_deep"):
        errors = [r["sup_error"] for r in of(trained, budget=budget, depth=built["depth"])]
        if built["depth"] > 1 and errors:
            middle = median(e if math.isfinite(e) else math.inf for e in errors)
            if middle > built["sup_error"]:
                worse.append((built["depth"], middle, built["sup_error"]))
    if not worse:
        return []
    depth, middle, error = worse[-1]
    return [
        f"Training does not find what depth allows: {depth} ReLUs in {depth} layers (with linear "
        f"units beside them) approximate x^2 to sup error {error:.2g}, while trained ReLU networks "
        f"of about {budget} parameters and {depth} layers reach a median of {middle:.2g}."
    ]


def _panels(rows: Sequence[Row]) -> list[tuple[str, str]]:
    trained = of(rows, story="trained")
    return list(dict.fromkeys((row["target"], row["activation"]) for row in trained))


def _medians(rows: Sequence[Row], target: str, activation: str) -> dict[int, float]:
    """Median relative L2 error at the largest budget, by depth; errors not finite count as inf."""
    cells = of(rows, story="trained", target=target, activation=activation)
    cells = of(cells, budget=max(row["budget"] for row in cells))
    errors: dict[int, list[float]] = {}
    for row in cells:
        error = row["relative_l2_error"]
        errors.setdefault(row["depth"], []).append(error if math.isfinite(error) else math.inf)
    return {depth: median(found) for depth, found in sorted(errors.items())}
