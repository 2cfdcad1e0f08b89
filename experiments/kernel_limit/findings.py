"""What the rows of `kernel_limit` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from approxlab.claims import Rate
from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["LAYERS", "caption", "check", "decay", "growth", "largest", "root_mean_square", "table"]

LAYERS = {1: "one hidden layer", 3: "three hidden layers"}
_WITHIN = 0.05  # of the slope -1/2
_WIDE = 4096  # from here on trained networks are asked to follow the kernel
_FOLLOWS = 0.05  # relative difference of the outputs, all along
_SECOND = 1.0  # for 1000 points and three hidden layers
_FAR = {1: 8.0, 3: 25.0}  # times width^(-1/2): differences along training are smaller (experience)


def root_mean_square(values: Sequence[float]) -> float:
    """Of distances of networks of one width, since their squares have an expectation."""
    return float((sum(v * v for v in values) / len(values)) ** 0.5)


def decay(rows: Sequence[Row], name: str) -> Rate:
    """The slope of log distance against log width, over all networks, with its interval."""
    from approxlab.rates import rate  # SciPy: not for --help

    return rate(column(rows, "width"), column(rows, name))


def largest(rows: Sequence[Row], depth: int) -> list[Row]:
    """For every trained network the row of its largest difference along training."""
    mine = of(rows, story="trained", depth=depth)
    return [
        max(of(mine, width=width, network=network), key=lambda row: row["difference"])
        for width in distinct(mine, "width")
        for network in distinct(of(mine, width=width), "network")
    ]


def growth(rows: Sequence[Row]) -> Rate | None:
    """The power of the number of points with which the time of a kernel grows; None of few."""
    timed = of(rows, story="timing", depth=3)
    if len(timed) < 3:
        return None
    from approxlab.rates import rate  # SciPy: not for --help

    return rate(column(timed, "points"), column(timed, "least_s"))


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in of(rows, story="timing"):
        assert 0 < row["least_s"] <= row["kernel_s"], "a kernel took no time"
    for row in of(rows, story="timing", points=1000, depth=3):
        assert row["kernel_s"] < _SECOND, f"1000 points took {row['kernel_s']:.2f} s"
    for depth, name in LAYERS.items():
        kernels = of(rows, story="kernel", depth=depth)
        _check_slope(decay(kernels, "distance"), f"kernels of {name}")
        for row in largest(rows, depth):
            bound = _FAR[depth] / row["width"] ** 0.5
            told = f"{name}, width {row['width']}: {row['difference']:.3f} along training"
            assert row["difference"] < bound, told
            if depth == 1 and row["width"] >= _WIDE:
                assert row["difference"] < _FOLLOWS, told
        _check_shrinking(largest(rows, depth), name)
    _check_expected(of(rows, story="kernel", depth=1))
    _check_shrinking(of(rows, story="features"), "random features")


def _check_slope(found: Rate, where: str) -> None:
    """Few and narrow networks are given the width of their interval beside."""
    half = (found.upper - found.lower) / 2
    room = _WITHIN if half < _WITHIN else _WITHIN + 2 * half
    assert abs(found.slope + 0.5) <= room, f"{where}: slope {found.slope:.3f}"


def _check_expected(rows: Sequence[Row]) -> None:
    """The mean square distance is the one computed exactly, to four errors of a mean of squares.

    Squares of distances are spread like those of a sum of few Gaussians: by less than their mean.
    """
    for width in distinct(rows, "width"):
        mine = of(rows, width=width)
        ratio = (root_mean_square(column(mine, "distance")) / mine[0]["expected_distance"]) ** 2
        assert abs(ratio - 1) < 4 / len(mine) ** 0.5, f"width {width}: {ratio:.2f} times expected"


def _check_shrinking(rows: Sequence[Row], where: str) -> None:
    """Between widths that are a factor of 16 or more apart, which 1 / 4 of the error separates."""
    for narrow in distinct(rows, "width"):
        for wide in distinct(rows, "width"):
            if wide >= 16 * narrow:
                first, second = (
                    root_mean_square(column(of(rows, width=w), "difference"))
                    for w in (narrow, wide)
                )
                assert second < first, f"{where}: no smaller at width {wide} than at {narrow}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    said = [
        "ReLU networks in the NTK parameterisation, points on a sphere in 10 dimensions. The "
        "tangent kernel of random networks approaches that of the infinitely wide one like "
        f"width^s with {_slopes(rows)} (95% intervals); for one hidden layer the root mean square "
        "of the distance is computed exactly (line), not fitted."
    ]
    for depth, name in LAYERS.items():
        ends = largest(rows, depth)
        widths = distinct(ends, "width")
        narrow, wide = (
            max(column(of(ends, width=w), "difference")) for w in (widths[0], widths[-1])
        )
        said.append(
            f"Trained by gradient descent from their own start, networks of {name} differ from "
            f"the prediction of gradient flow with the limiting kernel by at most {narrow:.1%} of "
            f"its outputs along training at width {widths[0]} and {wide:.1%} at width {widths[-1]} "
            f"(largest of {_count(of(ends, width=widths[-1]))})."
        )
    features = of(rows, story="features")
    said.append(
        "Random features with a solved last layer approach NNGP regression like "
        f"width^s with s = {_interval(decay(features, 'difference'))}."
    )
    return " ".join([*said, *_times(rows)])


def _slopes(rows: Sequence[Row]) -> str:
    return " and ".join(
        f"s = {_interval(decay(of(rows, story='kernel', depth=depth), 'distance'))} for {name}"
        for depth, name in LAYERS.items()
    )


def _interval(found: Rate) -> str:
    return f"{found.slope:.3f} [{found.lower:.3f}, {found.upper:.3f}]"


def _count(networks: Sequence[Row]) -> str:
    return f"{len(networks)} network{'s' * (len(networks) != 1)}"


def _times(rows: Sequence[Row]) -> list[str]:
    said = []
    for row in of(rows, story="timing", points=1000, depth=3):
        said.append(
            "The NTK of 1000 points and three hidden layers takes "
            f"{row['kernel_s']:.2g} s in float64, after compilation (median of {row['repeats']}, "
            f"{row['least_s']:.2g} s at least; one core, {row['processor']})."
        )
    if found := growth(rows):
        said.append(f"The least time grows like points^{found.slope:.2f}.")
    layers = {row["depth"]: row["least_s"] for row in of(rows, story="timing", points=1000)}
    if len(layers) > 1:
        few, many = min(layers), max(layers)
        said.append(
            f"From {few} to {many} hidden layers it grows {layers[many] / layers[few]:.1f} times."
        )
    return said


def table(rows: Sequence[Row]) -> str:
    """Distances by width, the largest differences along training, and times."""
    lines = ["root mean square distance of kernels, expected; largest difference along training"]
    for depth, name in LAYERS.items():
        lines.append(f"{name}: slope {decay(of(rows, story='kernel', depth=depth), 'distance')}")
        for width in distinct(of(rows, story="kernel", depth=depth), "width"):
            mine = of(rows, story="kernel", depth=depth, width=width)
            expected = mine[0]["expected_distance"]
            ends = column(of(largest(rows, depth), width=width), "difference")
            lines.append(
                f"{width:>6}{root_mean_square(column(mine, 'distance')):>10.4f}"
                f"{'-' if expected is None else format(expected, '.4f'):>10}"
                f"{max(ends) if ends else float('nan'):>10.4f}"
            )
    lines.append("random features against NNGP regression")
    for width in distinct(of(rows, story="features"), "width"):
        found = column(of(rows, story="features", width=width), "difference")
        lines.append(f"{width:>6}{root_mean_square(found):>10.4f}")
    lines += [
        f"{row['points']} points, {row['depth']} hidden layers: {row['kernel_s']:.3f} s, "
        f"at least {row['least_s']:.3f} s"
        for row in of(rows, story="timing")
    ]
    return "\n".join(lines)
