"""Answers in folders: numbers as JSON with a checksum; networks and certificates in own files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from approxlab.answers._costs import DerivativeCost
from approxlab.answers.found_networks import FoundNetwork
from approxlab.answers.lower_bounds import LeastSize
from approxlab.approximation.result import Cost
from approxlab.certify.certificates import Certificate
from approxlab.claims import Bound, Estimate
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.records.files import read_json, write_json_atomic

__all__ = ["load", "save"]

_FORMAT = "approxlab answer 1"
_FILE = "answer.json"
_PLAIN = ("target", "eps", "seconds", "max_fits")
_NOT_ONE = (LookupError, TypeError, AttributeError, ArithmeticError, OSError)


def save(path: str | os.PathLike[str], answer: Any) -> None:
    """Networks and certificates first, so that a folder with `answer.json` is whole."""
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).unlink(missing_ok=True)  # of an earlier answer, whose networks are replaced
    for i, one in enumerate(answer.found):
        one.network.save(folder / f"network_{i}.npz")
        if one.certificate is not None:
            one.certificate.save(folder / f"certificate_{i}.json")
    document = {
        "format": _FORMAT,
        **{name: getattr(answer, name) for name in _PLAIN},
        "lower": list(answer.box.lower),
        "upper": list(answer.box.upper),
        "found": [_found_data(one) for one in answer.found],
        "least_sizes": [_fields(one) for one in answer.least_sizes],
        "constructions": [_fields(one) for one in answer.constructions],
        "costs": [_fields(one) for one in answer.costs],
        "notes": list(answer.notes),
        "refusal": answer.refusal,
        "points": answer.curve[0].tolist(),
        "values": answer.curve[1].tolist(),
        "files": {name: _sha256(folder / name) for name in _files(answer.found)},
    }
    write_json_atomic(folder / _FILE, document)


def _files(found: Any) -> list[str]:
    networks = [f"network_{i}.npz" for i in range(len(found))]
    proved = [i for i, one in enumerate(found) if one.certificate is not None]
    return networks + [f"certificate_{i}.json" for i in proved]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fields(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


def _found_data(one: FoundNetwork) -> dict[str, Any]:
    estimate = None
    if one.estimate is not None:
        estimate = {k: v for k, v in _fields(one.estimate).items() if k != "target"}
    return {
        "method": one.method,
        "fitted": one.fitted,
        "bound": None if one.bound is None else _fields(one.bound),
        "estimate": estimate,
        "certified": one.certificate is not None,
    }


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields of a saved answer."""
    folder = Path(path)
    try:
        data = read_json(folder / _FILE, by_hand=False)
        if data["format"] != _FORMAT:
            raise ValueError(f"path: {folder.name} has the format {data['format']!r}.")
        for name, digest in data["files"].items():
            if _sha256(folder / name) != digest:
                raise ValueError(f"path: {folder.name}/{name} was changed after it was saved.")
        return {
            **{name: data[name] for name in _PLAIN},
            "box": Box(data["lower"], data["upper"]),
            "found": tuple(_found(folder, i, one) for i, one in enumerate(data["found"])),
            "least_sizes": tuple(_least_size(one) for one in data["least_sizes"]),
            "constructions": tuple(Cost(**one) for one in data["constructions"]),
            "costs": tuple(DerivativeCost(**one) for one in data["costs"]),
            "notes": tuple(data["notes"]),
            "refusal": data.get("refusal", ""),  # absent in older folders
            "curve": (np.array(data["points"], float), np.array(data["values"], float)),
        }
    except _NOT_ONE as error:
        raise ValueError(
            f"path: got {folder.name!r}, expected a folder written by Answer.save ({error!r})."
        ) from error


def _found(folder: Path, index: int, data: dict[str, Any]) -> FoundNetwork:
    estimate, bound = data["estimate"], data["bound"]
    if estimate is not None:
        at = estimate["at"]
        estimate = Estimate(**{**estimate, "at": None if at is None else tuple(at)})
    certificate = None
    if data["certified"]:
        certificate = Certificate.load(folder / f"certificate_{index}.json")
    return FoundNetwork(
        MLP.load(folder / f"network_{index}.npz"),
        data["method"],
        data["fitted"],
        None if bound is None else Bound(**bound),
        estimate,
        certificate,
    )


def _least_size(data: dict[str, Any]) -> LeastSize:
    lists = {name: tuple(data[name]) for name in ("activations", "witness")}
    return LeastSize(**{**data, **lists})
