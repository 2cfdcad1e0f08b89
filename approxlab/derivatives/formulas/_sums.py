"""Costs as sums that are both read and added up: 6P - 2 c0 for people, an integer for tests."""

from __future__ import annotations

import dataclasses

__all__ = ["Sum", "times"]


@dataclasses.dataclass
class Sum:
    """Terms coefficient x symbol; those of each sample, and those that a batch pays once."""

    batch: int
    each: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    once: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def add(self, coefficient: int, symbol: str, size: int, *, once: bool = False) -> Sum:
        """Adds coefficient x symbol, where the symbol stands for `size`; "" stands for 1."""
        terms = self.once if once and self.batch > 1 else self.each
        terms[symbol] = (terms.get(symbol, (0, size))[0] + coefficient, size)
        return self

    @property
    def total(self) -> int:
        """The number."""
        return self.batch * _total(self.each) + _total(self.once)

    @property
    def text(self) -> str:
        """The formula, without terms that vanish."""
        each, once = _text(self.each), _text(self.once)
        if self.batch > 1 and each:
            single = len([1 for c, size in self.each.values() if c and size]) == 1
            each = f"N {each}" if single else f"N ({each})"
        if not each or not once:
            return each or once or "0"
        return f"{each} - {once[1:].lstrip()}" if once.startswith("-") else f"{each} + {once}"


def times(per: int, variable: str, constant: int) -> str:
    """A coefficient such as (3n + 1), 3n or 2; empty for 1 and 0.

    Example:
        >>> times(3, "n", 1), times(1, "m", 0), times(0, "n", 4)
        ('(3n + 1)', 'm', '4')
    """
    if not per:
        return "" if constant in (0, 1) else str(constant)
    term = variable if per == 1 else f"{per}{variable}"
    return f"({term} + {constant})" if constant else term


def _total(terms: dict[str, tuple[int, int]]) -> int:
    return sum(coefficient * size for coefficient, size in terms.values())


def _text(terms: dict[str, tuple[int, int]]) -> str:
    parts = [(c, symbol) for symbol, (c, size) in terms.items() if c and size]
    text = "".join(f" {'-' if c < 0 else '+'} {_term(abs(c), symbol)}" for c, symbol in parts)
    if text.startswith(" + "):
        return text[3:]
    return f"-{text[3:]}" if text else ""


def _term(coefficient: int, symbol: str) -> str:
    if coefficient == 1 and symbol:
        return symbol
    return f"{coefficient}{' ' if symbol.startswith('c') else ''}{symbol}"
