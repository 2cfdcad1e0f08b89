"""What the rows of `kernel_or_features` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["MODELS", "TARGETS", "better_from", "caption", "check", "middle", "table"]

TARGETS = {"ridge": "sin 2u.x along one direction u", "quadratic": "a quadratic form x.Ax"}
MODELS = {"kernel": "NTK regression", "network": "trained network"}
_BETTER = {"ridge": "network", "quadratic": "kernel"}
_ENOUGH = 500  # samples from which the better one is better for every seed (experience)
_DIM = 10


def middle(values: Sequence[float]) -> float:
    """The median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[half])
    return float((ordered[half - 1] + ordered[half]) / 2)


def better_from(rows: Sequence[Row], target: str, model: str) -> int | None:
    """The number of samples from which a model is better for every seed; None if it never is.

    Its own error, chosen by held samples, is compared with the least error of the other one at the
    fresh points themselves, over all ridges, or over all rates and times of training.
    """
    first = None
    for samples in sorted(distinct(of(rows, target=target), "samples"), reverse=True):
        cell = of(rows, target=target, samples=samples)
        mine = {row["seed"]: row["error"] for row in cell if row["model"] == model}
        others = {row["seed"]: row["best_error"] for row in cell if row["model"] != model}
        if not all(mine[seed] < others[seed] for seed in mine):
            break
        first = int(samples)
    return first


def check(rows: Sequence[Row]) -> None:
    """Checks every sentence of the caption that holds for any settings.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['model']}, {row['target']}, {row['samples']} samples, seed {row['seed']}"
        assert row["best_error"] <= row["error"], f"{where}: the least error is not the least"
        assert row["error"] > 0, f"{where}: error {row['error']}"
        if row["model"] == "network":
            for name in ("share", "start_share"):
                assert 1 / _DIM <= row[name] <= 1, f"{where}: {name} {row[name]:.3f}"
    for target in distinct(rows, "target"):
        most = max(column(of(rows, target=target), "samples"))
        if most < _ENOUGH:
            continue
        model = _BETTER[target]
        assert better_from(rows, target, model), f"{target}: the {model} is not better at {most}"
        for row in of(rows, target="ridge", model="network", samples=most):
            told = f"share of one direction {row['start_share']:.2f} to {row['share']:.2f}"
            assert row["share"] > 2 * row["start_share"], f"ridge, {most} samples: {told}"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first = rows[0]
    seeds = len(distinct(rows, "seed"))
    said = [
        "Root mean square error at 1000 fresh points, relative to the target, in 10 dimensions. "
        f"ReLU networks with one hidden layer of {first['width']} units, trained by Adam; ridge "
        "regression with the NTK of the infinitely wide network of the same kind. Equal samples "
        "without noise; a fifth of them, held back, chooses the ridge, and the rate and the end of "
        f"the training. Medians of {seeds} draw{'s' * (seeds != 1)} of target, samples and network."
    ]
    for target in distinct(rows, "target"):
        mine = of(rows, target=target)
        most = max(column(mine, "samples"))
        errors = " and ".join(
            f"{_spread(column(of(mine, samples=most, model=model), 'error'))} ({name})"
            for model, name in MODELS.items()
        )
        said.append(f"With {most} samples of {TARGETS[target]} the errors are {errors}.")
        for model in MODELS:
            if found := better_from(rows, target, model):
                said.append(
                    f"From {found} samples on the {model} is better in every draw, even if the "
                    "settings of the other one are chosen at the fresh points themselves."
                )
        shares = of(mine, model="network", samples=most)
        said.append(
            "The share of the strongest direction in what the network sees goes from "
            f"{middle(column(shares, 'start_share')):.2f} to "
            f"{middle(column(shares, 'share')):.2f} (0.1: all directions alike)."
        )
    return " ".join(said)


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{middle(values):.3f} [{min(values):.3f}, {max(values):.3f}]"


def table(rows: Sequence[Row]) -> str:
    """Median errors of both models by number of samples, with their spread."""
    lines = []
    for target in distinct(rows, "target"):
        lines.append(TARGETS[target])
        lines.append(f"{'samples':>8}{MODELS['kernel']:>26}{MODELS['network']:>26}{'share':>8}")
        for samples in distinct(of(rows, target=target), "samples"):
            cell = of(rows, target=target, samples=samples)
            errors = "".join(
                f"{_spread(column(of(cell, model=model), 'error')):>26}" for model in MODELS
            )
            share = middle(column(of(cell, model="network"), "share"))
            lines.append(f"{samples:>8}{errors}{share:>8.2f}")
    return "\n".join(lines)
