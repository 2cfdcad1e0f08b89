"""Files written atomically: they hold all of the new content or all of the old."""

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
    """Writes a file completely; if that fails, the old file stays unchanged.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes_atomic(Path(folder, "figure.png"), b"...")
    ...     [file.name for file in Path(folder).iterdir()]
    ['figure.png']
    """
    path = Path(path)
    # A random name, not the process number: two machines on a shared disk may use the same number.
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
        with contextlib.suppress(OSError):  # the first error is the one to report
            temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def remove_leftovers(path: str | Path, hours: float = 1.0) -> int:
    """Removes the temporary files that interrupted writers of `path` left beside it.

    Args:
        path: The file that was to be written.
        hours: Files written within this time are kept, since they may be in use.

    Returns:
        The number of files removed.

    >>> import os, tempfile
    >>> from pathlib import Path
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
    with contextlib.suppress(OSError):  # no such folder or no permission: nothing to report
        for file in path.parent.iterdir():
            if name.fullmatch(file.name) and time.time() - file.stat().st_mtime > 3600 * hours:
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def write_json_atomic(path: str | Path, document: Mapping) -> None:
    """Writes a nested document as indented JSON, with non-finite numbers as strings.

    The last line, `sum`, is a checksum of the rest.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json_atomic(Path(folder, "config.json"), {"config": {"widths": (8, 16)}})
    ...     read_json(Path(folder, "config.json"))
    {'config': {'widths': [8, 16]}}
    """
    if "sum" in document:
        raise ValueError("document has the field 'sum', which is reserved for its checksum.")
    text = json.dumps(sealed(encoded("document", document)), indent=1, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode())


def sealed(document: Mapping) -> dict:
    """The document (of JSON values) with the field `sum`: a checksum of all other fields."""
    rest = {name: value for name, value in document.items() if name != "sum"}
    return {**rest, "sum": hashlib.sha256(compact(rest).encode()).hexdigest()[:16]}


def check_seal(name: str, document: Mapping) -> None:
    """Raises an error if a document was changed after it was written.

    Raises:
        ValueError: The checksum is wrong or missing.
    """
    try:
        whole = document.get("sum") == sealed(document)["sum"]
    except ValueError:  # a damaged number may be too large to be written again
        whole = False
    if not whole:
        raise ValueError(
            f"{name} has a wrong checksum: it was changed or damaged after it was written; "
            "expected a file as written. Make it again; if you changed a config on purpose, delete "
            "its entry 'sum'."
        )


def read_json(path: str | Path, *, by_hand: bool = True) -> dict:
    """Reads a document written by `write_json_atomic` or `write_record`, without its checksum.

    Args:
        path: The file.
        by_hand: Whether to accept a document without a checksum, such as one written by hand.

    Raises:
        ValueError: The file is not a JSON object or was changed after it was written.

    >>> import tempfile
    >>> from pathlib import Path
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
    """A file could not be written; the message gives its name, the size and the reason."""


def not_written(path: Path, data: bytes, error: OSError) -> NotWrittenError:
    """The error to raise for `path`; it shows the file name without the folder."""
    reason, what = error.strerror or str(error), f"{len(data)} bytes" if data else "rows"
    return NotWrittenError(f"{what} could not be written to {path.name}: {reason}")


def sync_directory(path: Path) -> None:
    """Makes sure on disk that a file created or renamed in this folder keeps its name."""
    if os.name == "posix":  # elsewhere a directory cannot be opened
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
