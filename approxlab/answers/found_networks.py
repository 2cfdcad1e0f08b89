"""A network that was found for an answer, and what is known of its error."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from approxlab.certify.certificates import Certificate
from approxlab.claims import Bound, Estimate
from approxlab.networks.mlp import MLP

__all__ = ["FoundNetwork"]

Proof = Literal["theorem", "certificate", "none"]


@dataclasses.dataclass(frozen=True, eq=False)
class FoundNetwork:
    """A network within eps of the target, by theorem, by certificate, or by samples only.

    Attributes:
        network: The network.
        method: The construction by its name, or how it was fitted.
        fitted: Whether it was fitted; else it was constructed.
        bound: What is proved of its error on the whole box: the claim of the construction, or the
            upper end of the certificate; None where nothing is.
        estimate: Its error at samples, a lower value; None where it was not sampled.
        certificate: The certified interval, where there is one.
    """

    network: MLP
    method: str
    fitted: bool
    bound: Bound | None = None
    estimate: Estimate | None = None
    certificate: Certificate | None = None

    @property
    def units(self) -> int:
        """Nonlinear hidden units."""
        return int(self.network.num_hidden_units)

    @property
    def layers(self) -> int:
        """Hidden layers."""
        return int(self.network.depth)

    def proof(self, eps: float) -> Proof:
        """What proves that the error is at most eps."""
        if self.bound is None or not float(self.bound) <= eps:
            return "none"
        return "theorem" if self.certificate is None else "certificate"

    def certified(self, certificate: Certificate) -> FoundNetwork:
        """The same network with a certificate, whose upper end is its bound if it is guaranteed."""
        if not certificate.guaranteed:
            return self
        bound = certificate.bound()
        return dataclasses.replace(self, bound=bound, certificate=certificate)

    def error_text(self) -> str:
        """The error in words: bound, interval or estimate."""
        if self.certificate is not None:
            low, high = self.certificate.lower, self.certificate.upper
            return f"{low:.3g} <= error <= {high:.3g} (bound, certified)"
        if self.bound is not None:
            return f"error <= {float(self.bound):.3g} (bound, theorem)"
        if self.estimate is not None:
            return f"error >= {float(self.estimate):.3g} (estimate, sampled)"
        return "error unknown"

    def to_row(self, eps: float) -> dict[str, Any]:
        """One flat row."""
        found = self.certificate
        return {
            "method": self.method,
            "fitted": self.fitted,
            "activation": self.network.activation,
            "num_hidden_units": self.units,
            "num_linear_units": int(self.network.num_linear_units),
            "depth": self.layers,
            "num_parameters": int(self.network.num_parameters),
            "proof": self.proof(eps),
            "sup_error_bound": None if self.bound is None else float(self.bound),
            "sup_error_estimate": None if self.estimate is None else float(self.estimate),
            "certified_lower": None if found is None else found.lower,
            "certified_upper": None if found is None else found.upper,
        }
