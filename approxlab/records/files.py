"""Whole files, written atomically: the new content or the old, never a part."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from approxlab.records.encoding import compact, decoded, encoded


def write_bytes_atomic(path: str | Path, data: bytes) -> None:
    """Writes a whole file or, if that fails, leaves the old one untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes_atomic(Path(folder, "figure.png"), b"...")
    ...     [file.name for file in Path(folder).iterdir()]
    ['figure.png']
    """
    path = Path(path)
    # Not the process number: on a shared disk two machines may have the same one.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise not_written(path, data, error) from error
    finally:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def remove_leftovers(path: str | Path, hours: float = 1.0) -> int:
    """Removes what killed writers of a file have left beside it; gives the number of such files.

    Only what was last written that long ago: a younger one may just be in use.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     left = Path(folder, ".figure.png.0123456789abcdef.tmp")
    ...     left.touch()
    ...     remove_leftovers(Path(folder, "figure.png"))
    ...     os.utime(left, (0, 0))
    ...     remove_leftovers(Path(folder, "figure.png")), left.exists()
    0
    (1, False)
    """
    path, removed = Path(path), 0
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.tmp")
    with contextlib.suppress(OSError):  # no such folder, or not ours to write in: not worth a word
        for file in path.parent.iterdir():
            if name.fullmatch(file.name) and time.time() - file.stat().st_mtime > 3600 * hours:
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def write_json_atomic(path: str | Path, document: Mapping) -> None:
    """Writes a nested document as indented JSON, with non-finite numbers as strings.

    The last line, `sum`, is a checksum of the rest.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json_atomic(Path(folder, "config.json"), {"config": {"widths": (8, 16)}})
    ...     read_json(Path(folder, "config.json"))
    {'config': {'widths': [8, 16]}}
    """
    if "sum" in document:
        raise ValueError("document has the field 'sum', which is kept for its checksum.")
    text = json.dumps(sealed(encoded("document", document)), indent=1, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode())


def sealed(document: Mapping) -> dict:
    """The document, of JSON values, with a checksum of all the rest in the field `sum`."""
    rest = {name: value for name, value in document.items() if name != "sum"}
    return {**rest, "sum": hashlib.sha256(compact(rest).encode()).hexdigest()[:16]}


def check_seal(name: str, document: Mapping) -> None:
    """Refuses a document that is not as it was written.

    Raises:
        ValueError: The checksum is wrong or absent.
    """
    try:
        whole = document.get("sum") == sealed(document)["sum"]
    except ValueError:  # a damaged number can read as one too large to be written
        whole = False
    if not whole:
        raise ValueError(
            f"{name} has a wrong checksum: it was changed or damaged after it was written; "
            "expected a file as written. Make it again; in a config changed on purpose, delete "
            "the entry 'sum'."
        )


def read_json(path: str | Path, *, by_hand: bool = True) -> dict:
    """Reads a document written by `write_json_atomic` or `write_record`, without its checksum.

    Args:
        path: The file.
        by_hand: Whether a document without a checksum, as people write it, is accepted.

    Raises:
        ValueError: The file is no JSON object, or not as it was written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json_atomic(Path(folder, "a.json"), {"gain": float("inf")})
    ...     read_json(Path(folder, "a.json"))
    {'gain': inf}
    """
    document = raw_json(path)
    if "sum" in document or not by_hand:
        check_seal(Path(path).name, document)
    return {name: decoded(value) for name, value in document.items() if name != "sum"}


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
    reason, what = error.strerror or str(error), f"{len(data)} bytes" if data else "rows"
    return NotWrittenError(f"{what} could not be written to {path.name}: {reason}")


def sync_directory(path: Path) -> None:
    """Makes the names in a folder safe, after a file in it was made or renamed."""
    if os.name == "posix":  # elsewhere a directory cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
