"""Networks in files: arrays bit for bit in an npz archive, the structure beside them as JSON."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from approxlab.records.files import write_bytes_atomic

FORMAT = "approxlab network 1"
_DTYPES = ("float16", "float32", "float64")


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
    header = json.dumps({"format": FORMAT, **structure})
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(header), **arrays)  # type: ignore[arg-type]
    write_bytes_atomic(Path(path), buffer.getvalue())


def load(path: str | os.PathLike[str]) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, Any]]:
    """Weights, biases and structure of a saved network."""
    content = Path(path).read_bytes()  # whole: np.load leaves a file open that is not an archive
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            structure = json.loads(str(archive["header"]))
            layers = len(archive.files) // 2
            weights = [archive[f"weight_{i}"] for i in range(layers)]
            biases = [archive[f"bias_{i}"] for i in range(layers)]
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
