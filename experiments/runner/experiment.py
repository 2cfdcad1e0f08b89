"""What an experiment consists of. Loads nothing that a plan does not need."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.runner.text_table import text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from approxlab.records import Row

_PACKAGE = Path(__file__).resolve().parents[1]
_NAME = re.compile(r"\w[\w.-]*")  # it names a folder, too


@dataclasses.dataclass(frozen=True)
class RunInfo:
    """What a unit may depend on beside its own settings.

    Attributes:
        seed: Root of all randomness.
        dtype: Name of the floating-point type.
        preset: Name of the preset.
        devices: For `devices=` of every fit; it decides where seeds are computed, and no number.
        seeds: Of a unit that is computed in parts, the numbers of the seeds whose rows are asked
            for; None for all of them.
    """

    seed: int
    dtype: str
    preset: str
    devices: tuple[Any, ...] | None = None
    seeds: range | None = None


def _nothing_to_check(rows: Sequence[Row]) -> None:
    pass


def _number_of_rows(rows: Sequence[Row]) -> str:
    return f"{len(rows)} row{'s' * (len(rows) != 1)}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """What the runner needs to know of an experiment.

    Attributes:
        name: Names the files of its results.
        config: Frozen dataclass of its settings; the docstring of its module is the help text.
        units: The plan: for every unit all settings its numbers depend on, flat.
        compute: The rows of one unit.
        revision: Raised by hand when its numbers change: stored rows are then computed again.
        presets: Settings by name, "default" among them; without any, that is `config()`.
        check: Raises AssertionError with the sentence that is not true.
        caption: The sentence under the figure.
        table: What is printed at the end.
        draw: The figure; without it there are numbers only.
        draw_detail: A second figure, NAME_detail.png, for what the first leaves out.
        seconds: Expected time on two cores.
        together: Whether its fits take `run.devices`, so that `--distributed` serves a purpose.
        seeds: How many seeds of a unit can be computed apart. `compute` then gives the rows of
            `run.seeds` alone, the same to the last bit, and the rows of a unit are those of its
            seeds in order. So with `--dask` a unit that all other workers would wait for is
            computed in parts.
        inline: Whether programs run in the thread that calls them: handing a program of
            microseconds to another thread often takes longer than the program, and not always.
    """

    name: str
    config: type
    units: Callable[[Any], Sequence[Mapping]]
    compute: Callable[[Mapping, RunInfo], Sequence[Mapping]]
    revision: int = 1
    presets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    check: Callable[[Sequence[Row]], None] = _nothing_to_check
    caption: Callable[[Sequence[Row]], str] = _number_of_rows
    table: Callable[[Sequence[Row]], str] = text_table
    draw: Callable[[Sequence[Row]], Figure] | None = None
    draw_detail: Callable[[Sequence[Row]], Figure] | None = None
    seconds: Callable[[Any], float] | None = None
    together: bool = False
    seeds: Callable[[Mapping], int] | None = None
    inline: bool = False

    def __post_init__(self) -> None:
        if not self.presets:
            object.__setattr__(self, "presets", {"default": self.config()})
        if "default" not in self.presets:
            raise ValueError(f"presets: got {sorted(self.presets)}, expected 'default' among them.")
        for name in (self.name, *self.presets):
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"name, presets: got {name!r}, expected letters, digits, '_', '-' and '.': it "
                    "names files and folders."
                )

    @property
    def root(self) -> Path:
        """Where figures/ and runs/ lie: the repository of these experiments, or the current folder.

        Experiments of other files, and an installed package, write into the current folder.
        """
        repository = _PACKAGE.parent
        own = self._in_package and (repository / "pyproject.toml").is_file()
        return repository if own else Path.cwd()

    @property
    def _file(self) -> Path | None:
        """The file of its config; of a notebook there is none."""
        file = getattr(sys.modules[self.config.__module__], "__file__", None)
        return Path(file).resolve() if file else None

    @property
    def _in_package(self) -> bool:
        return self._file is not None and _PACKAGE in self._file.parents

    @property
    def command(self) -> str:
        """How it is run."""
        if self._in_package or self._file is None:
            return f"python -m experiments.{self.name}"
        return f"python {self._file.name}"

    @property
    def summary(self) -> str:
        """The docstring of its module."""
        return sys.modules[self.config.__module__].__doc__ or ""
