"""Settings of an experiment: from a file of an earlier run, and what is refused of them."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from approxlab import records
from experiments.runner.usage import UsageError

_LARGEST = 2**63 - 1  # of a whole number in a record


def check_settings(config: Any, presets: Mapping[str, Any]) -> None:
    """Refuses what no experiment computes with: no value, infinite, not a number, very long.

    A setting that is empty or not finite in some preset may be so on the command line.

    Raises:
        UsageError: With the flag, its value and what is expected.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        usual = [getattr(preset, field.name) for preset in presets.values()]
        if problem := _problem(value, usual):
            flag = f"--{field.name.replace('_', '-')}"
            raise UsageError(f"{flag} is {_short(value)}; expected {problem}.")


def _problem(value: Any, usual: list[Any]) -> str | None:
    if value in ((), []) and all(len(other) for other in usual if isinstance(other, tuple | list)):
        return f"at least one value, such as {' '.join(map(str, usual[0]))}"
    numbers = list(_numbers(value))
    if not all(map(_finite, numbers)) and all(
        _finite(n) for other in usual for n in _numbers(other)
    ):
        return "finite numbers" if isinstance(value, tuple) else "a finite number"
    if any(isinstance(number, int) and abs(number) > _LARGEST for number in numbers):
        return "whole numbers below 2^63"
    return None


def _numbers(value: Any) -> typing.Iterator[int | float]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


def _finite(number: int | float) -> bool:
    return isinstance(number, int) or math.isfinite(number)


def _short(value: Any) -> str:
    """A value as a message shows it: of a long one the beginning."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def from_file(
    path: Path, name: str, config: type, presets: Mapping[str, Any]
) -> tuple[dict[str, Any], Any]:
    """Options and settings of an earlier run."""
    try:
        document = records.read_json(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--config {path} cannot be read: {reason}.") from error
    if document.get("experiment") != name or "provenance" not in document:
        raise UsageError(
            f"--config {path} belongs to {document.get('experiment')!r}; expected a config.json or "
            f"a record of {name!r}."
        )
    about = _checked(path, document["provenance"], presets)
    options = {"preset": about["preset"], "seed": about["seed"], "x64": about["dtype"] == "float64"}
    return options, _settings(config, about["config"], path)


def _checked(path: Path, about: Any, presets: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run is started from; a file that was changed by hand may hold anything."""
    if not isinstance(about, Mapping):
        raise UsageError(
            f"--config {path} has the provenance {_short(about)}; expected an object with preset, "
            "seed, dtype and config."
        )
    for name, fits, expected in (
        ("preset", lambda value: value in tuple(presets), f"one of {', '.join(presets)}"),
        ("seed", lambda value: type(value) is int, "a whole number"),
        ("dtype", lambda value: value in ("float32", "float64"), "'float32' or 'float64'"),
        ("config", lambda value: isinstance(value, Mapping), "an object: settings by their names"),
    ):
        if name not in about:
            raise UsageError(
                f"--config {path} has no {name} in its provenance; expected {expected}."
            )
        if not fits(about[name]):
            raise UsageError(
                f"--config {path} has the {name} {_short(about[name])}; expected {expected}."
            )
    return about


def _settings(config: type, values: Mapping[str, Any], path: Path) -> Any:
    hints = typing.get_type_hints(config)
    for name in values:
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            hint = f" Perhaps {near[0]!r} is meant." if near else ""
            raise UsageError(f"--config {path} has the unknown setting {name!r}.{hint}")
    try:
        return config(**{name: _typed(name, value, hints[name]) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        raise UsageError(f"--config {path} does not fit: {error}.") from error


def _typed(name: str, value: Any, hint: Any) -> Any:
    """A value from JSON as the type of its field: lists become tuples, whole numbers floats."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind is tuple and isinstance(value, list):
        if arguments[-1:] == (...,):
            arguments = arguments[:1] * len(value)
        if len(arguments) == len(value):
            return tuple(map(_typed, [name] * len(value), value, arguments))
    elif kind in (typing.Union, types.UnionType):
        for option in arguments:
            try:
                return _typed(name, value, option)
            except TypeError:
                continue
    elif kind is Literal:
        if value in arguments:
            return value
    elif hint is float and type(value) is int:
        return float(value)
    elif type(value) is hint:
        return value
    raise TypeError(f"{name} is {value!r}; expected {getattr(hint, '__name__', hint)}")
