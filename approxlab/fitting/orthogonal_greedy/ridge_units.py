"""Ridge units relu(w.x + b)^k with |w| = 1 on the host, and their two derivatives."""

from __future__ import annotations

import dataclasses

import numpy as np

ACTIVATIONS = {0: "heaviside", 1: "relu", 2: "relu2", 3: "relu3", 4: "relu4"}


def power_of(z: np.ndarray, power: int) -> np.ndarray:
    """relu(z)^power; power 0 is the step, 0 at the jump (no point of a rule lies on it)."""
    if power == 0:
        return (z > 0.0).astype(float)
    values = np.maximum(z, 0.0)
    return values if power == 1 else values**power


def slope_of(z: np.ndarray, power: int) -> np.ndarray:
    """The derivative of relu(z)^power, for a power of at least 1."""
    return power * power_of(z, power - 1)


def curvature_of(z: np.ndarray, power: int, width: float) -> np.ndarray:
    """The second derivative; that of relu is a unit mass at 0, here a hat of this half-width."""
    if power == 1:
        return np.maximum(0.0, 1.0 - np.abs(z) / width) / width
    return power * (power - 1) * power_of(z, power - 2)


def units_at(
    points: np.ndarray, directions: np.ndarray, biases: np.ndarray, power: int
) -> np.ndarray:
    """Values of all units: shape (points, units)."""
    return power_of(points @ directions.T + biases, power)


def tangents(directions: np.ndarray) -> np.ndarray:
    """Orthonormal vectors orthogonal to each direction: shape (n, d, d - 1).

    Columns of the Householder reflection that takes the direction to an axis: no factorisation.
    """
    d = directions.shape[1]
    signs = np.where(directions[:, 0] < 0.0, -1.0, 1.0)
    normal = directions.copy()
    normal[:, 0] += signs
    scale = 1.0 + np.abs(directions[:, 0])  # |normal|^2 / 2
    reflection = np.eye(d) - normal[:, :, None] * normal[:, None, :] / scale[:, None, None]
    return reflection[:, :, 1:]


def moved(
    directions: np.ndarray, biases: np.ndarray, frames: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Units after steps (n, d): d - 1 along the tangents, the last of the bias; back to |w| = 1."""
    vectors = directions + np.einsum("ndj,nj->nd", frames, steps[:, :-1])
    lengths = np.linalg.norm(vectors, axis=1)
    return vectors / lengths[:, None], (biases + steps[:, -1]) / lengths


@dataclasses.dataclass(frozen=True)
class Limits:
    """How near the corners of the box the kinks may come: outside, a unit is affine or zero.

    A position is where the kink lies in the range of w.x over the box, from -1 to 1. No unit may
    come nearer to the ends than a margin, except those that were nearer: few units can be (nearly)
    affine before they are dependent, and those that are carry the affine part of the target.
    """

    half: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def around(
        cls, directions: np.ndarray, biases: np.ndarray, half: np.ndarray, margin: float
    ) -> Limits:
        """Limits for units in the box with these half widths about the origin."""
        positions = -biases / (np.abs(directions) @ half)
        return cls(half, np.minimum(positions, margin - 1.0), np.maximum(positions, 1.0 - margin))

    def kept(self, directions: np.ndarray, biases: np.ndarray) -> np.ndarray:
        """The biases, changed where the kinks are beyond the limits."""
        reach = np.abs(directions) @ self.half
        return -np.clip(-biases / reach, self.least, self.most) * reach
