"""Whole files, written atomically: the new content or the old, never a part."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from approxlab.records.encoding import decoded, encoded


def write_bytes_atomic(path: str | Path, data: bytes) -> None:
    """Writes a whole file or, if that fails, leaves the old one untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes_atomic(Path(folder, "figure.png"), b"...")
    ...     [file.name for file in Path(folder).iterdir()]
    ['figure.png']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise not_written(path, data, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_json_atomic(path: str | Path, document: Mapping) -> None:
    """Writes a nested document as indented JSON, with non-finite numbers as strings.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json_atomic(Path(folder, "config.json"), {"config": {"widths": (8, 16)}})
    ...     read_json(Path(folder, "config.json"))
    {'config': {'widths': [8, 16]}}
    """
    text = json.dumps(encoded("document", document), indent=1, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode())


def read_json(path: str | Path) -> dict:
    """Reads a document written by `write_json_atomic` or `write_record`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json_atomic(Path(folder, "a.json"), {"gain": float("inf")})
    ...     read_json(Path(folder, "a.json"))
    {'gain': inf}
    """
    return {name: decoded(value) for name, value in raw_json(path).items()}


def raw_json(path: str | Path) -> dict:
    """The JSON object in a file, non-finite numbers still as strings."""
    path = Path(path)
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name} is not JSON ({error}); expected a record or a config. Make it again."
        ) from error
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} holds a {type(document).__name__}; expected an object.")
    return document


class NotWrittenError(OSError):
    """A file could not be written: which one, how many bytes, and why."""


def not_written(path: Path, data: bytes, error: OSError) -> NotWrittenError:
    """The error for `path`, by its name only."""
    reason = error.strerror or str(error)
    return NotWrittenError(f"{len(data)} bytes could not be written to {path.name}: {reason}")


def sync_directory(path: Path) -> None:
    """Makes the names in a folder safe, after a file in it was made or renamed."""
    if os.name == "posix":  # elsewhere a directory cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
