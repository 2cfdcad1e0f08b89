"""Targets of the user's own: `path/to/file.py:name` or `module:name` in place of a catalogue name.

An experiment whose settings name targets asks here in three places:

    own_targets.check("targets", name, known=NAMES, dim=1)   # in units(config)
    {"story": "error", **own_targets.fields(name), "n": n}    # in units(config)
    own_targets.find(unit) or targets.get(unit["target"])     # in compute(unit, run)

A unit of the catalogue is as if this module did not exist. A unit of an own target names it by its
file and its name, without the folder, and carries the SHA-256 of the source file: where that
changes, the unit is computed again. What the file imports is not part of it.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from approxlab import Target

_FORM = re.compile(r"(.+\.py|[A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_MODULE = "_own_target_"
_SHOWN = "path/to/file.py:name or module:name"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where an own target comes from.

    Attributes:
        name: Its name in records: `file.py:name` without the folder, or `module:name`.
        sha256: Of the source file, its lines ended by newlines.
        dim: Its number of dimensions.
    """

    name: str
    sha256: str
    dim: int


_sources: dict[str, Source] = {}  # by the text of the setting, as last asked for
_dims: dict[tuple[str, str], int] = {}  # by name and sha256: loaded here, or stored with rows
_loaded: dict[tuple[str, str], Target] = {}


def is_own(text: str) -> bool:
    """Whether a setting names a target of the user's own.

    Example:
        >>> is_own("runge"), is_own("mine.py:bell"), is_own("my.package:bell")
        (False, True, True)
    """
    return ":" in text


def source(text: str, field: str = "targets") -> Source:
    """What a plan needs to know; loads the target (and JAX) unless that is known already.

    Raises:
        ValueError: There is no such file, module or name, or it is not a target.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{field}: got {text!r}, expected a name of the catalogue or {_SHOWN}.")
    place, attribute = match[1], match[2]
    file = _file(place, text, field)
    name = f"{file.name if place.endswith('.py') else place}:{attribute}"
    content = file.read_text(encoding="utf-8")  # with newlines as in Unix, whatever git made of it
    key = name, hashlib.sha256(content.encode()).hexdigest()
    if key not in _dims:
        module = _module(place, file, content, text, field)
        _loaded[key] = _target(module, attribute, name, text, field)
        _dims[key] = _loaded[key].dim
    _sources[text] = Source(*key, _dims[key])
    return _sources[text]


def check(
    field: str,
    text: str,
    known: Iterable[str],
    *,
    dim: int | None = None,
    box: tuple[float, float] | None = None,
    facts: Iterable[str] = (),
    smooth: bool = False,
) -> None:
    """Refuses a target that an experiment cannot use.

    Args:
        field: Name of the setting.
        text: The target: a known name, or an own one.
        known: Names that the experiment accepts.
        dim: Dimension that an own target needs.
        box: Ends of the interval that it needs as its domain.
        facts: Facts it needs, such as "lipschitz".
        smooth: Whether it needs all derivatives, said by its fact `smoothness`.

    Raises:
        ValueError: With the sentence that says what is expected.
    """
    known = tuple(known)
    if not is_own(text):
        if text not in known:
            raise ValueError(
                f"{field}: got {text!r}, expected some of {', '.join(known)}, or a function of "
                f"your own as {_SHOWN}."
            )
        return
    found = source(text, field)
    target = _loaded.get((found.name, found.sha256))
    if dim is not None and found.dim != dim:
        raise ValueError(
            f"{field}: got {found.name} of dimension {found.dim}, expected dimension {dim}."
        )
    if target is None:  # its rows are stored, so it was checked
        return
    ends = [
        (float(a), float(b)) for a, b in zip(target.domain.lower, target.domain.upper, strict=True)
    ]
    if box is not None and ends != [box]:
        raise ValueError(
            f"{field}: got {found.name} on {target.domain!r}, expected a target on "
            f"[{box[0]:g}, {box[1]:g}]. Write target.moved_to(al.Box([{box[0]}], [{box[1]}]))."
        )
    if smooth and target.smoothness not in ("analytic", "smooth"):
        raise ValueError(
            f"{field}: got {found.name} with smoothness {target.smoothness!r}, expected 'analytic' "
            "or 'smooth'. If it is, write al.Target(fn, domain=..., smoothness='smooth')."
        )
    if missing := [fact for fact in facts if getattr(target, fact) is None]:
        raise ValueError(
            f"{field}: got {found.name} without {' and '.join(missing)}, which this experiment "
            f"needs. Write al.Target(fn, domain=..., {missing[0]}=...)."
        )


def fields(text: str, name: str = "target") -> dict[str, str]:
    """The fields of a unit that name its target; of the catalogue's, one: as they always were."""
    if not is_own(text):
        return {name: text}
    found = source(text)
    return {name: found.name, f"{name}_sha256": found.sha256}


def find(unit: Mapping[str, Any], name: str = "target") -> Target | None:
    """The own target of a unit that was planned in this process; None for the catalogue's."""
    sha256 = unit.get(f"{name}_sha256")
    return None if sha256 is None else _loaded[unit[name], sha256]


# ----------------------------------------------------------------------------- for other processes

Loaded = Mapping[tuple[str, str], bytes]


def loaded() -> Loaded:
    """The own targets of this process, pickled by value: workers need not have the file."""
    if not _loaded:
        return {}
    import cloudpickle

    for name in [name for name in sys.modules if name.startswith(_MODULE)]:
        cloudpickle.register_pickle_by_value(sys.modules[name])
    return {key: cloudpickle.dumps(target) for key, target in _loaded.items()}


def receive(targets: Loaded) -> None:
    """Takes the own targets of another process, so that `find` finds them here."""
    import pickle

    for key, target in targets.items():
        if key not in _loaded:
            _loaded[key] = pickle.loads(target)


# ------------------------------------------------------------------------- what records keep of it


def named(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as records keep them: own targets by their names there, without folders.

    Raises:
        ValueError: Two of them have the same name.
    """
    texts = [text for value in config.values() for text in _texts(value)]
    by_name: dict[str, str] = {}
    for text in texts:
        other = by_name.setdefault(_sources[text].name, text)
        if _sources[other].sha256 != _sources[text].sha256:
            raise ValueError(
                f"targets: got {other!r} and {text!r}, which have the same name in records. Give "
                "one of the files another name."
            )
    return {name: _shortened(value) for name, value in config.items()}


def described(config: Mapping[str, Any]) -> dict[str, Any]:
    """Hash and dimension of every own target in the settings, by its name in records."""
    used = [_sources[text] for value in config.values() for text in _texts(value)]
    return {one.name: {"sha256": one.sha256, "dim": one.dim} for one in used}


def remember(about: Mapping[str, Mapping[str, Any]]) -> None:
    """Takes dimensions from a stored description, so that a plan for drawing loads no target."""
    for name, one in about.items():
        _dims.setdefault((name, one["sha256"]), one["dim"])


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, (tuple, list)) else [value]
    return [text for text in values if isinstance(text, str) and text in _sources]


def _shortened(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_shortened(one) for one in value]
    return _sources[value].name if _texts(value) else value


# ------------------------------------------------------------------------------------- finding it


def _file(place: str, text: str, field: str) -> Path:
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise ValueError(
                f"{field}: got {text!r}, expected a file; there is no {Path(place).name} in "
                f"{Path(place).parent.name or 'the current folder'}."
            )
        return Path(place)
    try:
        found = importlib.util.find_spec(place)
    except (ImportError, ValueError):  # a package on the way to it is absent
        found = None
    if found is None or not found.has_location or found.origin is None:
        raise ValueError(
            f"{field}: got {text!r}, expected a module that can be imported. For a file write "
            "path/to/file.py:name."
        )
    return Path(found.origin)


def _module(place: str, file: Path, content: str, text: str, field: str) -> ModuleType:
    """The module made from that content, whatever Python has kept of an earlier one."""
    by_file = place.endswith(".py")
    number = hashlib.sha256(content.encode()).hexdigest()[:16]
    try:
        found = (
            importlib.util.spec_from_file_location(f"{_MODULE}{number}", file)
            if by_file
            else importlib.util.find_spec(place)
        )
        assert found is not None
        module = importlib.util.module_from_spec(found)
        sys.modules.setdefault(module.__name__, module)
        exec(compile(content, str(file), "exec"), vars(module))
    except Exception as error:
        raise ValueError(
            f"{field}: {text!r} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    return module


def _target(module: ModuleType, attribute: str, name: str, text: str, field: str) -> Target:
    from approxlab.targets import Target

    if not hasattr(module, attribute):
        names = [one for one in vars(module) if not one.startswith("_")]
        near = difflib.get_close_matches(attribute, names, n=1)
        hint = f" Perhaps {near[0]!r} is meant." if near else ""
        raise ValueError(
            f"{field}: got {text!r}, expected a name in {name.split(':')[0]}; it has no "
            f"{attribute!r}.{hint}"
        )
    found = getattr(module, attribute)
    if not isinstance(found, Target) and callable(found) and _needs_nothing(found):
        try:
            found = found()
        except Exception as error:
            raise ValueError(
                f"{field}: calling {name} failed: {type(error).__name__}: {error}."
            ) from error
    if not isinstance(found, Target):
        raise ValueError(
            f"{field}: {name} is of type {type(found).__name__}, expected an al.Target or a "
            f"function without parameters that returns one. For example: "
            f"{attribute} = al.Target(fn, domain=al.Box([0.0], [1.0]))"
        )
    return dataclasses.replace(found, name=name)


def _needs_nothing(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return not any(
        one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        for one in parameters
    )
