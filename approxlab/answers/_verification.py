"""Which statements of an answer are proved again, and which are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from approxlab.answers._questions import target_of
from approxlab.answers._tables import counted
from approxlab.answers.found_networks import FoundNetwork
from approxlab.answers.lower_bounds import LeastSize, least_sizes
from approxlab.certify._problems import difference
from approxlab.targets.target import Target

__all__ = ["Verification", "verified"]


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was proved again of an answer.

    Attributes:
        proved: The statements that were proved again.
        not_proved: Those that were not, and why.
    """

    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    def __str__(self) -> str:
        parts = ("proved again", self.proved), ("not proved again", self.not_proved)
        lines = [[f"{title}:", *(f"  {line}" for line in found)] for title, found in parts if found]
        return "\n".join(line for part in lines for line in part) or "nothing to prove"


def verified(answer: Any, target: Any) -> Verification:
    """Prove certificates again and, where the target is given, the least sizes.

    Raises:
        ValueError: If something that can be proved again is not.
    """
    given = None if target is None else _same_box(answer, target)
    proved, rest = list[str](), list[str]()
    for one in answer.found:
        for kind, statement in _errors(one, given):
            (proved if kind else rest).append(statement)
    known = [x for x in answer.least_sizes if x.units is not None]
    if known and given is None:
        rest.append(f"{len(known)} least sizes: give the target, answer.verify(target)")
    elif known:
        proved += _least(known, least_sizes(given, answer.eps))
    return Verification(tuple(proved), tuple(rest))


def _same_box(answer: Any, target: Any) -> Target:
    plain = not isinstance(target, str | Target)
    found = target_of(target, answer.box if plain else None)
    if found.domain != answer.box:
        raise ValueError(
            f"target: got {found!r}, expected the one of this answer, on {answer.box!r}: "
            "write target.moved_to(answer.box)."
        )
    return found


def _errors(one: FoundNetwork, target: Target | None) -> Iterator[tuple[bool, str]]:
    """(proved, statement) of what is known of one network."""
    name = f"{counted(one.units)}, {one.method}"
    if one.certificate is None:
        yield (
            False,
            f"{name}: {one.error_text()}" + (" (ask certify.sup_norm)" if one.bound else ""),
        )
        return
    boxes = one.certificate.verify().leaves
    yield True, f"{name}: {one.error_text()}, on {boxes} boxes"
    if target is None:
        yield False, f"{name}: that its certificate is about the target, which was not given"
        return
    meant = difference(one.network, target, target.dim)
    if str(meant) == str(one.certificate.expression):
        yield True, f"{name}: its certificate is about this network and the target"
    else:
        yield False, f"{name}: its certificate is about another program: see its statement()"


def _least(stored: list[LeastSize], now: tuple[LeastSize, ...]) -> Iterator[str]:
    units = {(x.activations, x.layers): x.units or 0 for x in now}
    for one in stored:
        found = units.get((one.activations, one.layers), 0)
        if found < (one.units or 0):
            raise ValueError(
                f"least_sizes: got {one.units} units of {one.kind}, of which only {found} are "
                "proved now: the target is another one, or the answer is wrong."
            )
        yield f"{one.kind}: at least {counted(one.units)}"
