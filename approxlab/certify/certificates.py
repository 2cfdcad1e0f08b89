"""`Certificate`: a proved interval for a sup norm, and what is needed to prove it again."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from approxlab.certify._boxes import check_cuts
from approxlab.certify._enclosures import Enclosure, point_bounds
from approxlab.certify._expression import Expression
from approxlab.certify._storage import (
    expression_data,
    integer,
    items,
    number,
    numbers,
    read_expression,
    read_number,
    read_numbers,
    read_tree,
    sealed,
    text,
    tree_data,
    unsealed,
)
from approxlab.certify._verification import Verified, reproved
from approxlab.claims import Bound, Estimate

__all__ = ["Certificate", "verify"]

_FORMAT, _VERSION = "approxlab certificate", 1
_STATEMENT = "sup norm"
_STATUSES = ("ok", "budget", "precision")
_SHORTENED = (
    "long lists are shortened, with the SHA-256 of all of their numbers as little-endian binary64; "
    "of indices, as int64"
)

_NOT_ONE = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError)

Status = Literal["ok", "budget", "precision"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """lower <= sup |model - target| <= upper on a box, proved in exact real arithmetic.

    Attributes:
        lower: Proved lower end; |model - target| is at least this at `witness`.
        upper: Proved upper end.
        status: "ok" if upper <= max(lower (1 + rtol), lower + atol); "budget" if boxes or seconds
            ran out before; "precision" if binary64 cannot tell more. The interval is proved in each
            of the cases.
        guaranteed: False if the arithmetic of this machine failed a test; the interval is then not
            proved, and `assumptions` says what failed.
        assumptions: What the proof rests on.
        witness: A point where |model - target| is at least `lower`.
        boxes: How many boxes were looked at.
        seconds: What the search took.
        rtol: Relative width that was asked for.
        atol: Absolute width that was asked for.
        expression: model - target in the operations of the kernel; `statement()` prints it.
        cuts: The box: per axis its ends, and numbers between at which it was cut.
        tree: Which boxes were halved along which axis, level by level.
        model: The name of the model.
        target: The name of the target.
    """

    lower: float
    upper: float
    status: Status
    guaranteed: bool
    assumptions: tuple[str, ...]
    witness: tuple[float, ...]
    boxes: int
    seconds: float
    rtol: float
    atol: float
    expression: Expression
    cuts: tuple[tuple[float, ...], ...]
    tree: np.ndarray
    model: str
    target: str

    def __repr__(self) -> str:
        words = self.status if self.guaranteed else f"{self.status}, not guaranteed"
        return f"Certificate({self.lower:.9g} <= sup <= {self.upper:.9g}, {words})"

    def statement(self) -> str:
        """What is proved: the interval, the box, and the expression that is meant.

        Names are quoted. Of many numbers the first few are printed and the SHA-256 of all of them,
        as of `numpy.asarray(weight, "<f8").tobytes()`, so that other numbers print otherwise.
        """
        box = " x ".join(f"[{axis[0]!r}, {axis[-1]!r}]" for axis in self.cuts)
        body = str(self.expression)
        note = f" ({_SHORTENED})" if "SHA-256" in body else ""
        return (
            f"{self.lower!r} <= sup |model - target| <= {self.upper!r} on {box}\n"
            f"status: {self.status}, for rtol = {self.rtol!r} and atol = {self.atol!r}\n"
            f"model: {self.model!a}\ntarget: {self.target!a}\n"
            f"model - target{note}:\n{body}"
        )

    @property
    def ratio(self) -> float:
        """Upper / lower."""
        return self.upper / self.lower if self.lower > 0 else float("inf")

    def bound(self) -> Bound:
        """The upper end, as a `Bound` of the library."""
        if not self.guaranteed:
            raise ValueError(f"certificate: {self!r} is no proof: {'; '.join(self.assumptions)}")
        return Bound(self.upper, source=f"certified by interval arithmetic on {self.boxes} boxes")

    def estimate(self) -> Estimate:
        """The lower end and its point, as an `Estimate` of the library."""
        return Estimate(self.lower, "sup", points=self.boxes, at=self.witness)

    def errors_at(self, points: Any) -> tuple[np.ndarray, np.ndarray]:
        """Proved lower and upper ends of |model - target| at points of shape (n, d): shapes (n,).

        Raises:
            ValueError: If the points have another dimension, or are not finite.
        """
        places = np.asarray(points, np.float64)
        if places.ndim != 2 or places.shape[1] != len(self.cuts) or not np.isfinite(places).all():
            raise ValueError(
                f"points: got shape {places.shape}, expected finite numbers of shape "
                f"(n, {len(self.cuts)})."
            )
        enclosure = Enclosure(self.expression)
        parts = range(0, len(places), enclosure.chunk)
        found = [point_bounds(enclosure.at(places[i : i + enclosure.chunk])) for i in parts]
        low, high = zip(*found, strict=True) if found else ((places[:, 0],), (places[:, 0],))
        return np.concatenate(low), np.concatenate(high)

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """|model - target| and the proved interval of its largest value; see `plotting`."""
        from approxlab.plotting.errors import plot_certificate

        return plot_certificate(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the interval, its status and its cost."""
        return [
            {
                "certified_lower": self.lower,
                "certified_upper": self.upper,
                "status": self.status,
                "guaranteed": self.guaranteed,
                "boxes": self.boxes,
                "certify_s": self.seconds,
            }
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate as JSON: exact integers, hexadecimal numbers, and a hash.

        Check it in another process by `python -m approxlab.certify verify FILE`.
        """
        Path(path).write_text(sealed(self._data()) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a certificate; it is not proved again, see `verify`.

        Raises:
            ValueError: If the file is not a certificate of this version, or was changed.
        """
        try:
            return cls._read(Path(path).read_bytes().decode("utf-8"))
        except _NOT_ONE as error:
            raise ValueError(f"certificate: {os.fspath(path)!r} is not one: {error!r}.") from error

    def verify(self) -> Verified:
        """Prove the interval again, from expression and tree.

        Raises:
            ValueError: If it is not proved.
        """
        self._check()
        goal = max(self.lower * (1.0 + self.rtol), self.lower + self.atol)
        if self.status == "ok" and not self.upper <= goal:
            raise ValueError("certificate: its status is 'ok', and its interval is too wide.")
        if not self.guaranteed:
            raise ValueError(f"certificate: is not guaranteed: {list(self.assumptions)!a}")
        cuts = tuple(np.array(axis) for axis in self.cuts)
        return reproved(
            self.expression, cuts, self.tree, np.array(self.witness), self.lower, self.upper
        )

    def _check(self) -> None:
        """Refuse numbers and words that no search has written."""
        if self.status not in _STATUSES:
            raise ValueError(f"certificate: got the status {self.status!a}, expected {_STATUSES}.")
        for name in ("lower", "rtol", "atol", "seconds"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"certificate: got {name} = {value!r}, expected at least 0.")
        if self.boxes < 1:
            raise ValueError(f"certificate: got {self.boxes} boxes, expected at least 1.")
        check_cuts(tuple(np.array(axis) for axis in self.cuts))
        sizes = (len(self.cuts), len(self.witness))
        if sizes != (self.expression.dim, self.expression.dim):
            raise ValueError(
                f"certificate: got a box of {sizes[0]} and a witness of {sizes[1]} coordinates, "
                f"expected {self.expression.dim}, as of the expression."
            )

    def _data(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "statement": _STATEMENT,
            "lower": number(self.lower),
            "upper": number(self.upper),
            "status": self.status,
            "guaranteed": self.guaranteed,
            "assumptions": list(self.assumptions),
            "model": self.model,
            "target": self.target,
            "witness": numbers(np.array(self.witness)),
            "cuts": [numbers(np.array(axis)) for axis in self.cuts],
            "rtol": number(self.rtol),
            "atol": number(self.atol),
            "boxes": self.boxes,
            "seconds": number(self.seconds),
            "expression": expression_data(self.expression),
            "tree": tree_data(self.tree),
        }

    @classmethod
    def _read(cls, content: str) -> Certificate:
        data = unsealed(content)
        told = (data.get("format"), data.get("version"), data.get("statement"))
        if told != (_FORMAT, _VERSION, _STATEMENT):
            raise ValueError(
                f"certificate: got {told[0]!r}, version {told[1]!r} of {told[2]!r}, expected "
                f"{_FORMAT!r}, version {_VERSION} of {_STATEMENT!r}. Read it with the release of "
                "approxlab that wrote it."
            )
        cuts = tuple(tuple(read_numbers(axis, (-1,)).tolist()) for axis in items(data["cuts"]))
        found = cls(
            lower=read_number(data["lower"]),
            upper=read_number(data["upper"]),
            status=cast("Status", text(data["status"])),
            guaranteed=data["guaranteed"] is True,
            assumptions=tuple(text(a) for a in items(data["assumptions"])),
            witness=tuple(read_numbers(data["witness"], (-1,)).tolist()),
            boxes=integer(data["boxes"]),
            seconds=read_number(data["seconds"]),
            rtol=read_number(data["rtol"]),
            atol=read_number(data["atol"]),
            expression=read_expression(data["expression"]),
            cuts=cuts,
            tree=read_tree(data["tree"]),
            model=text(data["model"]),
            target=text(data["target"]),
        )
        if set(data) != set(found._data()):
            raise ValueError(f"certificate: got {sorted(data)}, some of which are not written.")
        found._check()
        return found


def verify(path: str | os.PathLike[str]) -> Certificate:
    """Read a certificate and prove it again; what cannot be proved is refused.

    Nothing of what the file says is believed but the expression, the box and the tree of boxes: the
    tree covers the box by construction, every leaf is bounded again, and so is the value at the
    witness. The file holds the expression; compare it with what you wanted to know.

    Args:
        path: A file written by `Certificate.save`.

    Returns:
        The certificate.

    Raises:
        ValueError: If the file was changed, is of another version, or does not prove its interval.
    """
    certificate = Certificate.load(path)
    certificate.verify()
    return certificate
