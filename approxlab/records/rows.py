"""Row files: append all rows of a unit at once, cut off a torn last line, verify checksums."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from approxlab.records.encoding import Row, Scalar, canonical, decoded, digest
from approxlab.records.files import not_written, sync_directory

if sys.platform != "win32":  # without fcntl, two processes must not share one row file
    import fcntl

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
_BOOKKEEPING = ("unit", "part", "parts", "unit_s", "sum")


@dataclasses.dataclass(frozen=True)
class UnusableLine:
    """A line of a row file that cannot be used.

    Attributes:
        file: Name of the file.
        line: Number of the line, from 1.
        reason: "torn" (incomplete), "not JSON", "not a row", "not a flat row" or "checksum wrong".

    >>> print(UnusableLine("rows.jsonl", 3, "checksum wrong"))
    rows.jsonl, line 3: checksum wrong
    """

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}"


def _sealed(row: Mapping) -> str:
    """A row as a line of the file, with the field `sum`: a checksum of all other fields."""
    rest = {name: value for name, value in row.items() if name != "sum"}
    return canonical({**rest, "sum": digest(rest)[:16]})


def _unsealed(line: bytes) -> Row | str:
    """The row in a line, or the reason why the line cannot be used.

    The line must be exactly the bytes that would be written for its row. So a changed byte is
    noticed even where the JSON has the same meaning (1e5 and 1E5).
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(row, dict):
        return "not a row"
    row = {name: decoded(value) for name, value in row.items()}
    try:
        return row if _sealed(row).encode() == line else "checksum wrong"
    except (TypeError, ValueError):
        return "not a flat row"


def read_rows(*paths: str | Path) -> tuple[list[Row], list[UnusableLine]]:
    """Reads row files in the given order; returns the rows and the lines that cannot be used.

    A line that is incomplete, is not JSON or has a wrong checksum is left out. Its unit is then
    unfinished and is computed again.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with RowFile(Path(folder, "rows.jsonl")) as file:
    ...         file.append("a unit", [{"width": 8, "sup_error": float("inf")}])
    ...     rows, unusable = read_rows(Path(folder, "rows.jsonl"))
    >>> rows[0]["sup_error"], unusable
    (inf, [])
    """
    rows: list[Row] = []
    unusable = []
    for path in map(Path, paths):
        *lines, tail = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            row = _unsealed(line)
            if isinstance(row, str):
                unusable.append(UnusableLine(path.name, number, row))
            else:
                rows.append(row)
        if tail:
            unusable.append(UnusableLine(path.name, len(lines) + 1, "torn"))
    return rows, unusable


def finished_units(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of every unit that has all its parts; if a row is stored twice, the last is used.

    The rows are in the order of their parts, without the fields `unit`, `part`, `parts`, `unit_s`
    and `sum`.

    >>> finished_units([{"unit": "a", "part": 0, "parts": 2, "x": 1.0}])
    {}
    """
    units: dict[Scalar, dict[Scalar, Row]] = {}
    for row in rows:
        parts = units.setdefault(row.get("unit"), {})
        if parts and next(iter(parts.values())).get("parts") != row.get("parts"):
            parts.clear()
        parts[row.get("part")] = row
    finished = {}
    for unit, parts in units.items():
        wanted = next(iter(parts.values())).get("parts")
        if isinstance(unit, str) and isinstance(wanted, int) and set(parts) == {*range(wanted)}:
            finished[unit] = [_without_bookkeeping(parts[part]) for part in range(wanted)]
    return finished


def _without_bookkeeping(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _BOOKKEEPING}


class RowFile:
    """A row file opened for appending; an incomplete ("torn") last line is cut off first.

    All rows of a unit are written together and are on the disk when `append` returns. If they
    cannot be written, none of them remains in the file.

    On a file system without locks nothing is cut off, since another process may be writing that
    line: it stays, the next row starts on a new line, and `read_rows` reports the torn line.

    Attributes:
        path: The file.
        unusable: The line that was cut off, if any.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "rows.jsonl")
    ...     _ = path.write_text('{"width": 8, "sup_er')
    ...     with RowFile(path) as file:
    ...         print(*file.unusable)
    rows.jsonl, line 1: torn
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as until_open:
                self._file: IO[bytes] = open(self.path, "a+b", buffering=0)  # noqa: SIM115
                until_open.callback(self._file.close)
                with self._locked() as alone:
                    self.unusable = self._cut_torn_line() if alone else []
                sync_directory(self.path.parent)
                until_open.pop_all()  # the file stays open until __exit__
        except OSError as error:
            raise not_written(self.path, b"", error) from error

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Prevents other processes from appending or cutting; yields False where that fails."""
        alone = True
        if sys.platform != "win32":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                alone = False
        try:
            yield alone
        finally:
            if alone and sys.platform != "win32":
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _cut_torn_line(self) -> list[UnusableLine]:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return []
        self._file.truncate(whole)
        return [UnusableLine(self.path.name, content.count(b"\n") + 1, "torn")]

    def _torn(self, end: int) -> bool:
        if end == 0:
            return False
        self._file.seek(end - 1)
        return self._file.read(1) != b"\n"

    def append(self, unit: str, rows: Sequence[Mapping], seconds: float | None = None) -> None:
        """Appends all rows of one unit, numbered by `part` of `parts`; the first has `unit_s`.

        That is the time in seconds that the unit took, where it is given.
        """
        parts = len(rows)
        if not parts:
            raise ValueError(
                "rows is empty; expected at least one row for a unit. Store a row with a status."
            )
        for row in rows:
            if taken := [name for name in _BOOKKEEPING if name in row]:
                raise ValueError(
                    f"a row has the field {taken[0]!r}, which is reserved for the file."
                )
        took = {} if seconds is None else {"unit_s": round(seconds, 3)}
        lines = [
            _sealed(
                {**row, "unit": unit, "part": part, "parts": parts} | (took if not part else {})
            )
            + "\n"
            for part, row in enumerate(rows)
        ]
        self._write("".join(lines).encode())

    def _write(self, data: bytes) -> None:
        try:
            self._check_place()
            with self._locked() as alone:
                self._write_at_end(data, alone)
        except OSError as error:
            raise not_written(self.path, data, error) from error

    def _check_place(self) -> None:
        """Rows that go into a file without a name, or with another one, are not found again."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path)):
                return
        raise OSError("the file was removed or renamed while it was open")

    def _write_at_end(self, data: bytes, alone: bool) -> None:
        end = self._file.seek(0, os.SEEK_END)
        data = b"\n" * self._torn(end) + data  # another process may have died while writing
        try:
            written = self._file.write(data)
            if written != len(data):
                raise OSError(f"only {written} bytes fit")
            os.fsync(self._file.fileno())
        except OSError:
            if alone:
                self._file.truncate(end)
            raise


def same_numbers(rows_a: Iterable[Mapping], rows_b: Iterable[Mapping]) -> bool:
    """Whether two lists of rows are equal bit for bit, except for times (`*_s`) and checksums.

    >>> same_numbers([{"error": 0.1, "run_s": 1.0}], [{"error": 0.1, "run_s": 2.0}])
    True
    """
    return _numbers(rows_a) == _numbers(rows_b)


def _numbers(rows: Iterable[Mapping]) -> list[str]:
    kept = (
        {name: value for name, value in row.items() if not name.endswith("_s") and name != "sum"}
        for row in rows
    )
    return [canonical(row) for row in kept]
