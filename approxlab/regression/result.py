"""What a regression returns: the model, its error, and how well the problem was posed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from approxlab.claims import Estimate
from approxlab.host_threads import one_thread
from approxlab.networks.mlp import MLP
from approxlab.regression.bases import Basis
from approxlab.regression.models import FeatureModel
from approxlab.solves import LeastSquares

__all__ = ["ConditionKind", "Regression", "condition_of"]

ConditionKind = Literal["2-norm", "lower bound", "estimate"]
_SAID = {"2-norm": "", "lower bound": "at least ", "estimate": "about "}
_MOST_WORK = 2e10  # rows times squared columns: ten seconds of singular values


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """A model that is linear in its parameters, with what its solve tells.

    Attributes:
        model: A `FeatureModel`, or of `linear` an `MLP` without hidden layers.
        target: What it was fitted to: a `Target`, or arrays (X, Y).
        error: Estimate of the relative L2 error on the target's box. `None` for arrays, which hold
            no other points: write `al.errors.l2(fit.model, target)` where the target is known.
        rms_residual: Root of the (weighted) mean of the squared residuals of the model at the
            points of the fit, over all outputs.
        solve: The `LeastSquares`: coefficients, rank, columns that were used.
        condition: Condition number of the matrix of features at the points, its rows multiplied by
            the square roots of the weights; infinite for more features than points, and for a
            feature that is zero at all of them.
        condition_kind: "2-norm": largest by smallest singular value, right to a tenth. "lower
            bound": the smallest singular value is lost in rounding, the true number is larger.
            "estimate": the matrix is too large for singular values, so it is LAPACK's estimate in
            the 1-norm, of the columns that were used.
    """

    model: FeatureModel | MLP
    target: Any
    error: Estimate | None
    rms_residual: float
    solve: LeastSquares
    condition: float
    condition_kind: ConditionKind

    @property
    def rank(self) -> int:
        """Number of features that were independent at the points, as the solve decided."""
        return self.solve.rank

    def __repr__(self) -> str:
        known = repr(self.error) if self.error is not None else f"residual {self.rms_residual:.3g}"
        rank = f"rank {self.rank} of {len(self.solve.solution)}"
        norm = "1-norm" if self.condition_kind == "estimate" else "2-norm"
        condition = f"condition {_SAID[self.condition_kind]}{self.condition:.3g} ({norm})"
        return f"Regression({self.model!r}: {known}, {rank}, {condition})"

    def plot(self, **options: Any) -> Any:
        """The model beside its target or data, with the error named; see `plotting.plot_fit`."""
        from approxlab.plotting.models import plot_fit

        return plot_fit(self.model, self.target, self.error, **options)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: size, error, residual, rank and condition."""
        basis = getattr(self.model, "features", None)
        named = (
            {"basis": basis.name, "degree": basis.degree, "degree_kind": basis.kind}
            if isinstance(basis, Basis)
            else {}
        )
        known = self.error.to_rows()[0] if self.error is not None else {}
        return [
            {
                **named,
                "num_parameters": self.model.num_parameters,
                **known,
                "rms_residual": self.rms_residual,
                "rank": self.rank,
                "condition": self.condition,
                "condition_kind": self.condition_kind,
            }
        ]


@one_thread()
def condition_of(
    blocks: Iterable[np.ndarray], shape: tuple[int, int], eps: float, found: LeastSquares
) -> tuple[float, ConditionKind]:
    """The condition number of a matrix in the 2-norm, or what can be said of it.

    Args:
        blocks: The rows of the matrix in blocks, float64, weights included.
        shape: Its shape (m, n).
        eps: Relative accuracy of its entries.
        found: The solution, whose estimate stands in where the matrix is large.
    """
    from scipy.linalg import svdvals

    m, n = shape
    if n > m:
        return float("inf"), "2-norm"
    large, used = float(m) * n * n > _MOST_WORK, np.zeros(n, bool)
    rest = np.zeros((0, n))
    for block in blocks:
        used |= np.any(block, axis=0)
        if not large:
            rest = _joined(rest, block)
    if not np.all(used):
        return float("inf"), "2-norm"
    if large:
        return found.condition, "estimate"
    values = svdvals(rest)
    largest, smallest = float(values[0]), float(values[-1])
    # Rounding of entries and of the algorithm moves a singular value by about this much at most.
    lost = 10.0 * np.sqrt(n) * eps * largest
    if smallest > 10.0 * lost:
        return largest / smallest, "2-norm"
    return (largest - lost) / (smallest + lost), "lower bound"


def _joined(rest: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Rows with the singular values of all rows so far: of several blocks the triangle of a QR."""
    from scipy.linalg import qr

    if not len(rest):
        return block
    both = np.concatenate([rest, block])
    (triangle,) = qr(both, mode="r", overwrite_a=True)
    return np.asarray(triangle[: block.shape[1]])
