"""Where numbers come from: versions, commit, device, and the identity of a unit."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import platform as interpreter
import subprocess
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from approxlab.records.encoding import decoded, digest, encoded

PACKAGES = ("approxlab", "jax", "jaxlib", "numpy", "scipy", "optax", "matplotlib")
# A change of one of these versions computes units again; matplotlib only draws.
_NUMERICAL = tuple(name for name in PACKAGES if name != "matplotlib")
_PACKAGE = Path(__file__).resolve().parents[1]


def identity(
    *,
    experiment: str,
    revision: int,
    unit: Mapping,
    seed: int,
    dtype: str,
    packages: Mapping,
    device: Mapping,
) -> str:
    """The name under which the rows of one unit are stored and found when a run resumes.

    Args:
        experiment: Name of the experiment.
        revision: Its `REVISION`, raised by hand when its numbers change.
        unit: All settings that the numbers of the unit depend on, as a flat mapping.
        seed: Root seed of the run.
        dtype: Name of the floating-point type of the run.
        packages: Versions, as from `versions()`; all except matplotlib are used.
        device: Its entries `platform`, `kind` and `xla_flags` are used, since they may change
            rounding; the numbers of devices and processes are not, since they do not.

    >>> device = {"platform": "cpu", "kind": "cpu", "count": 2}
    >>> setting = dict(experiment="toy", revision=1, seed=0, dtype="float64", device=device)
    >>> a = identity(unit={"width": 8}, packages=versions(), **setting)
    >>> a == identity(unit={"width": 16}, packages=versions(), **setting)
    False
    """
    return digest(
        {
            "experiment": experiment,
            "revision": revision,
            "unit": digest(unit),
            "seed": seed,
            "dtype": dtype,
            "platform": device["platform"],
            "kind": device["kind"],
            "xla_flags": " ".join(device.get("xla_flags", ())),
            **{f"version_{name}": packages.get(name) for name in _NUMERICAL},
        }
    )


@functools.cache
def _version(package: str) -> str | None:
    if package == "approxlab" and (own := _source_version()):
        return own
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _source_version() -> str | None:
    """The version in pyproject.toml beside the sources; installed metadata may be older."""
    project = _PACKAGE.parent / "pyproject.toml"
    if not project.is_file():
        return None
    about = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
    return about.get("version") if about.get("name") == "approxlab" else None


def versions() -> dict[str, str | None]:
    """Versions of the packages that affect numbers and figures; None for a missing package.

    >>> sorted(versions())
    ['approxlab', 'jax', 'jaxlib', 'matplotlib', 'numpy', 'optax', 'scipy']
    """
    return {package: _version(package) for package in PACKAGES}


def _git(*arguments: str) -> str | None:
    """The output of a git command about these sources; None without git or a repository."""
    command = ["git", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, cwd=_PACKAGE, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def _commit() -> tuple[str | None, bool | None]:
    """Commit and dirty flag of the sources; changes in figures/ and runs/ are ignored."""
    if _git("ls-files", "--error-unmatch", "records") is None:  # the repository of another project
        return None, None
    outside = (":(top)", ":(top,exclude)figures", ":(top,exclude)runs")
    commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", *outside)
    return commit and commit.strip(), None if status is None else bool(status.strip())


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def provenance(
    *,
    config: Any,
    preset: str,
    seed: int,
    dtype: str,
    device: Mapping,
    precision: Mapping,
    started: datetime,
    finished: datetime | None = None,
) -> dict:
    """Everything needed to reproduce a record, without any information on people or places.

    Args:
        config: Dataclass or mapping of the experiment's settings.
        preset: Name of the preset the settings started from.
        seed: Root seed.
        dtype: Name of the floating-point type.
        device: `platform`, `kind` and `count` of the devices used, and any further facts
            about them.
        precision: Flags that change rounding, by name.
        started: Start of the computation, with a time zone.
        finished: End of the computation; None while it runs.

    >>> from datetime import UTC, datetime
    >>> device = {"platform": "cpu", "kind": "cpu", "count": 1}
    >>> about = provenance(config={"width": 8}, preset="smoke", seed=0, dtype="float64",
    ...                    device=device, precision={}, started=datetime.now(UTC))
    >>> about["config"], about["finished"]
    ({'width': 8}, None)
    """
    commit, dirty = _commit()
    settings = dict(config) if isinstance(config, Mapping) else dataclasses.asdict(config)
    about = {
        "config": settings,
        "preset": preset,
        "seed": seed,
        "dtype": dtype,
        "precision": dict(precision),
        "device": dict(device),
        "packages": versions(),
        "python": interpreter.python_version(),
        "commit": commit,
        "dirty": dirty,
        "started": _timestamp(started),
        "finished": _timestamp(finished),
    }
    return decoded(encoded("provenance", about))  # as it will be read back: lists, not tuples
