"""What the rows of `linear_polynomial_mlp` show: checks, caption and table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from experiments.drawing.rows import Row, distinct, of

__all__ = ["MODELS", "caption", "check", "curve", "table", "targets_of"]

MODELS = {
    "linear": "linear",
    "polynomial": "polynomial",
    "mlp": "MLP, tanh",
    "hand_made": "hand-made features",
}
_EPS = 2.0**-52


def targets_of(rows: Sequence[Row]) -> list[str]:
    """Names of the targets, in the order of the settings."""
    return [str(name) for name in distinct(of(rows, story="errors"), "target")]


def curve(
    rows: Sequence[Row], target: str, model: str, field: str, *, noisy: bool
) -> tuple[list[int], list[float]]:
    """Numbers of parameters, and the median over the draws of the noise of an error."""
    cells = [
        row
        for row in of(rows, story="errors", target=target, model=model)
        if (row["noise"] > 0) == noisy
    ]
    sizes = sorted({int(row["num_parameters"]) for row in cells})
    return sizes, [
        statistics.median(row[field] for row in of(cells, num_parameters=size)) for size in sizes
    ]


def _at(rows: Sequence[Row], target: str, model: str, size: int, *, noisy: bool = False) -> float:
    sizes, errors = curve(rows, target, model, "test_rms", noisy=noisy)
    return errors[sizes.index(size)]


def _largest(rows: Sequence[Row]) -> int:
    """The largest number of parameters that polynomials and networks share."""
    polynomials, networks = (
        set(distinct(of(rows, story="errors", model=model), "num_parameters"))
        for model in ("polynomial", "mlp")
    )
    return int(max(polynomials & networks))


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    targets = targets_of(rows)
    for row in of(rows, story="errors"):
        counts = {"polynomial": row.get("degree", 0) + 1, "mlp": 3 * row.get("width", 0) + 1}
        count = counts.get(row["model"], 2 if row["model"] == "linear" else row["num_parameters"])
        assert row["num_parameters"] == count, f"{row['model']}: parameters miscounted"
    for target in targets:
        _check_nested(rows, target)
        _check_bases(rows, target)
        _check_overfit(rows, target)
    if "line" in targets:
        sizes, errors = curve(rows, "line", "linear", "test_rms", noisy=False)
        assert (sizes, max(errors) < 1e-13) == ([2], True), "a linear model does not fit a line"
    for target in set(targets) - {"line"}:
        assert _at(rows, target, "linear", 2) > 0.05, f"{target}: a linear model is good enough"
    most = _largest(rows)
    for target in {"runge", "kink", "step"} & set(targets):
        network, polynomial = (_at(rows, target, m, most) for m in ("mlp", "polynomial"))
        assert network < polynomial, f"{target}: the network is not better than the polynomial"
    if "smooth" in targets and most >= 22:
        network, polynomial = (_at(rows, "smooth", m, most) for m in ("mlp", "polynomial"))
        assert polynomial < 1e-12 < network, "smooth: the polynomial does not reach rounding"
    if "step" in targets:
        fitted = min(curve(rows, "step", "mlp", "training_rms", noisy=False)[1])
        assert fitted < 1e-4 < 0.02 < _at(rows, "step", "mlp", most), (
            "step: networks do not fit the samples, or know where the step is"
        )
    for target, size in (("kink", 3), ("step", 2)):
        if target in targets:
            assert _at(rows, target, "hand_made", size) < 1e-13, f"{target}: features miss it"


def _check_nested(rows: Sequence[Row], target: str) -> None:
    """Spaces of polynomials grow with the degree, so the training error cannot rise."""
    for row in of(rows, story="errors", target=target, model="polynomial"):
        same = {name: row[name] for name in ("target", "noise", "draw")}
        for following in of(
            rows, story="errors", model="polynomial", degree=row["degree"] + 1, **same
        ):
            assert following["training_rms"] <= row["training_rms"] + 1e-13, (
                f"{target}: the training error rises at degree {following['degree']}"
            )


def _check_bases(rows: Sequence[Row], target: str) -> None:
    """Three bases describe one polynomial, and only their condition differs."""
    for row in of(rows, story="bases", target=target):
        where = f"{target}, {row['basis']}, degree {row['degree']}"
        (other,) = of(rows, story="bases", target=target, basis="chebyshev", degree=row["degree"])
        allowed = 1e-6 * other["test_rms"] + 100.0 * _EPS * row["condition"] + 1e-13
        assert abs(row["test_rms"] - other["test_rms"]) <= allowed, f"{where}: another polynomial"
        if row["basis"] != "monomial":
            assert row["chebyshev_points_condition"] < 100.0, f"{where}: ill-conditioned"
        elif row["degree"] >= 30:
            assert row["chebyshev_points_condition"] > 1e11, f"{where}: a condition is too small"


def _check_overfit(rows: Sequence[Row], target: str) -> None:
    """With noise, the test error has its least value before the highest degree."""
    _, errors = curve(rows, target, "polynomial", "test_rms", noisy=True)
    if not _overfits(rows):
        return
    assert errors[-1] > 1.2 * min(errors), f"{target}: the polynomial does not overfit"


def _overfits(rows: Sequence[Row]) -> bool:
    """Whether degrees are high enough for the 64 samples that a rise is certain."""
    return any(row["degree"] >= 30 for row in of(rows, story="errors", model="polynomial"))


def _best(rows: Sequence[Row], target: str, model: str) -> tuple[int, float]:
    sizes, errors = curve(rows, target, model, "test_rms", noisy=True)
    error = min(errors)
    return sizes[errors.index(error)], error


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    targets, most = targets_of(rows), _largest(rows)
    first = of(rows, story="errors")[0]
    noise = max(row["noise"] for row in of(rows, story="errors"))
    draws = 1 + max(row["draw"] for row in of(rows, story="errors"))
    clean = "; ".join(
        f"{target}: linear {_at(rows, target, 'linear', 2):.1e}, polynomial "
        f"{_at(rows, target, 'polynomial', most):.1e}, MLP {_at(rows, target, 'mlp', most):.1e}"
        for target in targets
    )
    noisy = "; ".join(
        f"{target}: least {_best(rows, target, 'polynomial')[1]:.2g} at degree "
        f"{_best(rows, target, 'polynomial')[0] - 1}, "
        f"{_at(rows, target, 'polynomial', most, noisy=True):.2g} at degree {most - 1}, MLP "
        f"{_best(rows, target, 'mlp')[1]:.2g} with {_best(rows, target, 'mlp')[0]} parameters, at "
        f"worst {max(curve(rows, target, 'mlp', 'test_rms', noisy=True)[1]):.2g}"
        for target in targets
    )
    learned = (
        " A linear model fits only a line; features made by hand fit kink and step with 3 and 2 "
        "parameters, if one knows where they are. Networks learn them; what is left at a step is "
        "its place between two samples."
    )
    return (
        "A linear model, polynomials and MLPs of one hidden layer as networks: grey connections "
        f"are given, coloured ones are solved for or trained. From {first['samples']} equally "
        "spaced samples on [-1, 1]; errors are root mean squares, against the target on the whole "
        "interval (test, solid) and at the samples (training, dotted). Without noise, "
        "test errors of the linear model (2 parameters), and of polynomial and MLP with "
        f"{most}, are: {clean}."
        f"{learned if {'kink', 'step'} <= set(targets) else ''} With noise of standard deviation "
        f"{noise:g} (medians of {draws} draws), the training error of polynomials falls with every "
        f"degree{' and the test error does not' if _overfits(rows) else ''}; test errors: {noisy}."
        f"{_spike_sentence(rows)} {_bases_sentence(rows)}"
    )


def _spike_sentence(rows: Sequence[Row]) -> str:
    """The network whose error is far above the noise although it fits the samples, if any."""
    noise = max(row["noise"] for row in of(rows, story="errors"))
    spiked = [target for target in targets_of(rows) if _is_spiked(rows, target, noise)]
    if not spiked:
        return ""
    return (
        f" An MLP whose test error is above {10 * noise:g} ({', '.join(spiked)}) fits the samples "
        "to the noise: its error lies between them, in a narrow spike."
    )


def _is_spiked(rows: Sequence[Row], target: str, noise: float) -> bool:
    pairs = (
        curve(rows, target, "mlp", f"{kind}_rms", noisy=True)[1] for kind in ("test", "training")
    )
    return any(
        test > 10 * noise and training <= noise for test, training in zip(*pairs, strict=True)
    )


def _bases_sentence(rows: Sequence[Row]) -> str:
    cells = of(rows, story="bases", target=targets_of(rows)[0])
    degree = max(row["degree"] for row in cells)
    said = []
    for basis in distinct(cells, "basis"):
        (row,) = of(cells, basis=basis, degree=degree)
        least = "at least " if row["condition_kind"] != "2-norm" else ""
        said.append(
            f"{basis} {least}{row['condition']:.1e} ({row['chebyshev_points_condition']:.1e})"
        )
    return (
        f"The three bases give the same polynomials; their conditions at degree {degree}, at the "
        f"samples (at as many Chebyshev points): {', '.join(said)}."
    )


def table(rows: Sequence[Row]) -> str:
    """Median test and training errors per target, noise and number of parameters."""
    lines = [
        f"{'':8}{'noise':>6}{'parameters':>12}"
        + "".join(
            f"{MODELS[m] + ' ' + kind:>22}"
            for m in ("polynomial", "mlp")
            for kind in ("test", "train")
        )
    ]
    for target in targets_of(rows):
        for noisy in (False, True):
            for size in curve(rows, target, "mlp", "test_rms", noisy=noisy)[0]:
                cells = []
                for model in ("polynomial", "mlp"):
                    for field in ("test_rms", "training_rms"):
                        sizes, errors = curve(rows, target, model, field, noisy=noisy)
                        found = dict(zip(sizes, errors, strict=True)).get(size)
                        cells.append(f"{'-' if found is None else f'{found:.3e}':>22}")
                lines.append(f"{target:8}{'yes' if noisy else 'no':>6}{size:>12}" + "".join(cells))
    return "\n".join(lines)
