"""Networks in files: arrays bit for bit in an npz archive, the structure beside them as JSON.

A file named `.json` is text that other programs can read: the same fields, and every number in the
shortest decimal form that reads back as the same number.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from approxlab.records.files import read_json, write_bytes_atomic, write_json_atomic

FORMAT = "approxlab network 1"
_DTYPES = ("float16", "float32", "float64")
_FIELDS = {"format", "dtype", "activation", "passthrough", "out_size", "weights", "biases"}


def save(
    path: str | os.PathLike[str], weights: Any, biases: Any, structure: dict[str, Any]
) -> None:
    """Write arrays and structure atomically: after a crash there is the old file or the new one."""
    arrays = {f"weight_{i}": np.asarray(w) for i, w in enumerate(weights)}
    arrays |= {f"bias_{i}": np.asarray(b) for i, b in enumerate(biases)}
    for name, array in arrays.items():
        if str(array.dtype) not in _DTYPES:
            raise ValueError(
                f"network: {name} has dtype {array.dtype}, expected one of {', '.join(_DTYPES)}. "
                "Cast the network with jax.tree.map first."
            )
    if Path(path).suffix == ".json":
        _save_json(path, arrays, len(weights), structure)
        return
    header = json.dumps({"format": FORMAT, **structure})
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(header), **arrays)  # type: ignore[arg-type]
    write_bytes_atomic(Path(path), buffer.getvalue())


def load(path: str | os.PathLike[str]) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, Any]]:
    """Weights, biases and structure of a saved network."""
    content = Path(path).read_bytes()  # whole: np.load leaves a file open that is not an archive
    text = content.lstrip()[:1] == b"{"  # by content: a file may have been renamed
    try:
        weights, biases, structure = _from_json(path) if text else _from_archive(content)
        dtype, found = weights[0].dtype, structure["format"]
    except Exception as error:  # of a damaged archive zipfile and numpy raise eight kinds
        raise ValueError(
            f"path: {Path(path).name} is not a network written by MLP.save, or is damaged "
            f"({error})."
        ) from error
    if found != FORMAT:
        raise ValueError(f"path: {Path(path).name} has format {found!r}, expected {FORMAT!r}.")
    if dtype == np.float64 and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            f"path: {Path(path).name} holds float64 while JAX computes in float32, expected x64. "
            "Write jax.config.update('jax_enable_x64', True) at the start of the program."
        )
    return weights, biases, structure


def _from_archive(content: bytes) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        layers = len(archive.files) // 2
        weights = [archive[f"weight_{i}"] for i in range(layers)]
        biases = [archive[f"bias_{i}"] for i in range(layers)]
        return weights, biases, json.loads(str(archive["header"]))


def _save_json(path: Any, arrays: dict[str, Any], layers: int, structure: dict[str, Any]) -> None:
    numbers = {
        "weights": [arrays[f"weight_{i}"].tolist() for i in range(layers)],
        "biases": [arrays[f"bias_{i}"].tolist() for i in range(layers)],
    }
    dtypes = {str(array.dtype) for array in arrays.values()}
    if len(dtypes) > 1:
        raise ValueError(
            f"network: got arrays of {', '.join(sorted(dtypes))}, expected one dtype in a file of "
            "JSON. Cast the network with jax.tree.map first, or save it as .npz."
        )
    write_json_atomic(path, {"format": FORMAT, "dtype": dtypes.pop(), **structure, **numbers})


def _from_json(path: Any) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, Any]]:
    """A checksum is verified where there is one: other programs write none."""
    document = read_json(path)
    if document.get("format") != FORMAT:  # `load` names it
        return [np.zeros(0)], [], {"format": document.get("format")}
    if set(document) != _FIELDS:
        raise ValueError(f"fields {sorted(document)}, expected {sorted(_FIELDS)}")
    dtype = document["dtype"]
    if dtype not in _DTYPES:
        raise ValueError(f"dtype {dtype!r}, expected one of {', '.join(_DTYPES)}")
    weights, biases = (
        [_array(name, entry, dtype) for entry in document[name]] for name in ("weights", "biases")
    )
    rest = {name: document[name] for name in ("format", "activation", "passthrough", "out_size")}
    return weights, biases, rest


def _array(name: str, entry: Any, dtype: str) -> np.ndarray:
    """Nested lists of numbers as an array; no text, no boolean, none too large for the dtype."""
    exact = np.array(entry)
    if exact.dtype.kind not in "iuf":
        raise ValueError(f"{name}: got entries that are not numbers of at most 64 bits")
    with np.errstate(over="ignore"):
        array = exact.astype(dtype)
    if not np.array_equal(np.isinf(array), np.isinf(exact)):
        raise ValueError(f"{name}: got a number that is too large for {dtype}")
    return array
