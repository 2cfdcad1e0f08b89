"""Training at the edge of stability: what the record shows, and the central flow behind it."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab import records
from experiments.gradient_descent.central_flow import _complementary
from experiments.gradient_descent.findings import check, late, mean_losses, reached, trainings

RECORD = Path(__file__).parent.parent / "figures" / "gradient_descent.json"


@pytest.fixture(scope="module")
def rows():
    return records.read_record(RECORD).rows


def test_late_sharpness_of_every_training_is_two_over_alpha(rows):
    edges = trainings(rows, "edge")
    assert len({cells[0]["alpha"] for cells in edges}) == 3
    assert len({cells[0]["network"] for cells in edges}) == 3
    assert len(edges) == 9
    for cells in edges:
        assert reached(cells)
        assert abs(late(cells) - 1) <= 0.15
        assert cells[0]["alpha"] * cells[0]["sharpness"] < 2  # it has risen
        flow = next(f for f in trainings(rows, "flow") if f[0]["network"] == cells[0]["network"])
        assert max(row["sharpness"] for row in flow) > 2 / cells[0]["alpha"]


def test_the_central_flow_predicts_the_mean_loss(rows):
    (cells,) = trainings(rows, "central")
    predicted, measured = mean_losses(cells)
    assert abs(predicted / measured - 1) <= 0.15
    # The twin: short steps, which do not oscillate, are elsewhere at that time.
    flow = next(f for f in trainings(rows, "flow") if f[0]["network"] == cells[0]["network"])
    alone = min(flow, key=lambda row: abs(row["t"] - cells[-1]["t"]))["loss"]
    assert alone < 0.5 * cells[-1]["mean_loss"]


@pytest.mark.parametrize(
    ("story", "field", "factor"),
    [("central", "predicted", 1.3), ("central", "sharpness", 1.02), ("edge", "sharpness", 1.2)],
)
def test_the_check_of_the_record_can_fail(rows, story, field, factor):
    check(rows)
    spoiled = [
        {**row, field: factor * row[field]} if row["story"] == story else row for row in rows
    ]
    with pytest.raises(AssertionError):
        check(spoiled)


def test_the_covariance_solves_its_complementarity_problem():
    """X >= 0, Y = slack + effect X >= 0 and X Y = 0, where constraints bind and where not."""
    rng, solved = np.random.default_rng(0), jax.jit(_complementary)
    binding = 0
    for _ in range(10):
        factors = rng.normal(size=(3, 3, 40))
        factors = factors + np.swapaxes(factors, 0, 1)
        effect = np.einsum("ijp,klp->ijkl", factors, factors)
        slack = rng.normal(size=(3, 3)) + 1.5 * np.eye(3)
        slack = slack + slack.T
        X = jnp.zeros((3, 3))
        for _ in range(40):  # each call goes on from the last one, as the steps of the flow do
            X = solved(slack, effect, X)
        Y = slack + np.einsum("ijkl,kl->ij", effect, X)
        assert np.linalg.eigvalsh(X).min() > -1e-12
        assert np.linalg.eigvalsh(0.5 * (Y + Y.T)).min() > -1e-6
        assert np.abs(X @ Y).max() < 1e-6
        binding += np.linalg.eigvalsh(slack).min() < 0
    assert 0 < binding < 10
