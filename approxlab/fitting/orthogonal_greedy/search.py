"""One greedy step: look through the dictionary, refine the best, add the first independent one."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from approxlab.domains import Box
from approxlab.fitting.orthogonal_greedy import ridge_units, selection
from approxlab.fitting.orthogonal_greedy.dictionaries import Dictionary, Ridges, drawn, sphere
from approxlab.fitting.orthogonal_greedy.projection import Span
from approxlab.fitting.orthogonal_greedy.rules import Rule

_TRIED = 32  # units of the dictionary that are tried before it is called exhausted
_STARTS = 1  # units that are refined


class Search:
    """The state of a greedy fit without its projection: the dictionary and the units chosen."""

    def __init__(
        self,
        rule: Rule,
        box: Box,
        power: int,
        dictionary: Dictionary,
        score: selection.Score,
        key: Any,
        refine: bool,
        max_bytes: int,
    ) -> None:
        self._rule, self._box, self._power, self._score = rule, box, power, score
        self._dictionary, self._key, self._refine = dictionary, key, refine
        self._max_bytes = max_bytes
        self._directions, self._biases = dictionary.counts(box.dim)
        self._vectors_chosen: list[np.ndarray] = []
        self._biases_chosen: list[float] = []
        # A unit that few points see fits their rounding, not the target.
        self._least_points = 2 * (box.dim + power)
        vectors = sphere(box.dim, self._directions)
        self._scores = None if dictionary.random else self._scored(vectors, np.zeros(len(vectors)))

    def chosen(self) -> tuple[np.ndarray, np.ndarray]:
        """Directions and biases of the units so far."""
        vectors = np.array(self._vectors_chosen).reshape(-1, self._box.dim)
        return vectors, np.array(self._biases_chosen)

    def add_best(self, projection: Span) -> int | None:
        """Add the best unit; how many dependent ones were passed over, None if all are."""
        vectors, biases = self._candidates(projection)
        roots = np.sqrt(self._rule.weights)
        for passed, (w, b) in enumerate(zip(vectors, biases, strict=True)):
            column = ridge_units.power_of(self._rule.points @ w + b, self._power) * roots
            if projection.append(column, w, float(b)):
                self._vectors_chosen.append(w)
                self._biases_chosen.append(float(b))
                return passed
        return None

    def _candidates(self, projection: Span) -> tuple[np.ndarray, np.ndarray]:
        """Units to try, best first: refined ones, then those of the dictionary as they are."""
        scores = self._scores
        if scores is None:
            scores = self._redrawn(projection.count)
        best = scores.best(projection, _TRIED)
        vectors, biases = scores.ridges.units(best)
        if self._score == "new" and (self._dictionary.random or scores.uncertain(int(best[0]))):
            vectors, biases = self._ordered(vectors, biases, projection)
        if not self._refine:
            return vectors, biases
        starts = slice(0, _STARTS)
        better = selection.refined(
            vectors[starts],
            biases[starts],
            self._reach(),
            0.5 * self._box.widths,
            self._rule,
            self._power,
            projection,
            self._score,
            self._least_points,
        )
        return np.concatenate([better[0], vectors]), np.concatenate([better[1], biases])

    def _ordered(
        self, vectors: np.ndarray, biases: np.ndarray, projection: Span
    ) -> tuple[np.ndarray, np.ndarray]:
        found = selection.scores_of(
            vectors, biases, self._rule, self._power, projection, self._score, self._least_points
        )
        order = np.argsort(-found, kind="stable")
        return vectors[order], biases[order]

    def _reach(self) -> np.ndarray:
        """First distances of the refinement: those of neighbours in the dictionary."""
        dim = self._box.dim
        step = float(np.linalg.norm(self._box.widths)) / self._biases
        if dim == 1:
            return np.array([step])
        angle = min(0.5, 2.5 * self._directions ** (-1.0 / (dim - 1)))
        return np.array([*[angle] * (dim - 1), step])

    def _redrawn(self, step: int) -> selection.Scores:
        data = np.asarray(jax.random.key_data(jax.random.fold_in(self._key, step)))
        vectors, shifts = drawn(np.random.default_rng(data), self._box.dim, self._directions)
        return self._scored(vectors, shifts)

    def _scored(self, vectors: np.ndarray, shifts: np.ndarray) -> selection.Scores:
        ridges = Ridges(
            self._rule.points,
            self._box,
            self._power,
            vectors,
            shifts,
            self._biases,
            self._max_bytes,
            keep=not self._dictionary.random,
        )
        # What a redrawn unit adds is not known before it is projected: a shortlist by its product.
        score = "product" if self._dictionary.random and self._score == "new" else self._score
        return selection.Scores(ridges, self._rule, score, self._least_points)
