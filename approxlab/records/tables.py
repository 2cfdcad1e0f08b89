"""Record files: the rows of one figure, with their provenance, in one small JSON file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from approxlab.records.encoding import Row, decoded, encoded
from approxlab.records.files import check_seal, raw_json, sealed, write_bytes_atomic

SCHEMA = 1
_ABSENT: dict = {}  # marks a column that a row does not have; no cell of a row is an object


@dataclasses.dataclass(frozen=True)
class Record:
    """The rows of one figure and their origin.

    Attributes:
        experiment: Name of the experiment.
        revision: Its `REVISION`.
        provenance: As from `provenance`.
        rows: Flat rows.
        caption: The text under the figure.
    """

    experiment: str
    revision: int
    provenance: dict[str, Any]
    rows: list[Row]
    caption: str | None = None

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return to_pandas(self.rows)

    def plot(self, *, x: str, y: str, **options: Any) -> Any:
        """One field of the rows against another; see `plotting.plot_error_against_size`."""
        from approxlab.plotting.sizes import plot_error_against_size

        return plot_error_against_size(self.rows, x=x, y=y, **options)

    def __repr__(self) -> str:
        return f"Record({self.experiment}, {len(self.rows)} rows)"


def write_record(
    path: str | Path,
    name: str,
    rows: Sequence[Mapping],
    provenance: Mapping,
    *,
    revision: int = 1,
    caption: str | None = None,
) -> None:
    """Writes a record atomically: one row per line, columns in order of first appearance.

    Args:
        path: File to write.
        name: Name of the experiment.
        rows: Flat rows.
        provenance: As from `provenance`.
        revision: Revision of the experiment.
        caption: The text under the figure.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_record(Path(folder, "toy.json"), "toy", [{"n": 8, "error": 0.1}], {})
    ...     read_record(Path(folder, "toy.json")).rows
    [{'n': 8, 'error': 0.1}]
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    document: dict[str, Any] = {"schema": SCHEMA, "experiment": name, "revision": revision}
    document["provenance"] = encoded("provenance", provenance)
    if caption is not None:
        document["caption"] = caption
    document["columns"] = columns
    document["rows"] = [
        [encoded(column, row[column]) if column in row else _ABSENT for column in columns]
        for row in rows
    ]
    write_bytes_atomic(path, _text(sealed(document)).encode())


def _text(document: Mapping) -> str:
    """JSON text with each entry of the document and each row on its own line."""
    entries = []
    for name, value in document.items():
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if name == "rows" and value:
            lines = (json.dumps(row, allow_nan=False, ensure_ascii=False) for row in value)
            text = "[\n  " + ",\n  ".join(lines) + "\n ]"
        elif isinstance(value, dict):
            text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=2)
            text = text.replace("\n", "\n ")
        entries.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def read_record(path: str | Path) -> Record:
    """Reads a record; its rows are equal bit for bit to those that were written.

    Args:
        path: File written by `write_record`.

    Raises:
        ValueError: The file is not a record, has another schema or was changed after writing.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_record(Path(folder, "toy.json"), "toy", [{"n": 8}], {}, caption="A toy.")
    ...     record = read_record(Path(folder, "toy.json"))
    >>> record, record.caption
    (Record(toy, 1 rows), 'A toy.')
    """
    document = raw_json(path)
    name = Path(path).name
    if document.get("schema") != SCHEMA:
        raise ValueError(
            f"{name} has the schema {document.get('schema')!r}; expected {SCHEMA}. "
            "Make the record again with this version of approxlab."
        )
    check_seal(name, document)
    columns = document["columns"]
    rows = [
        {
            column: decoded(cell)
            for column, cell in zip(columns, row, strict=True)
            if cell != _ABSENT
        }
        for row in document["rows"]
    ]
    about = decoded(document["provenance"])
    return Record(
        document["experiment"], document["revision"], about, rows, document.get("caption")
    )


def to_pandas(rows: Sequence[Mapping]) -> Any:
    """The rows as a pandas DataFrame.

    Args:
        rows: Flat rows.

    >>> to_pandas([{"n": 8, "error": 0.5}, {"n": 16, "error": 0.25}])["n"].tolist()
    [8, 16]
    """
    listed = list(rows) if isinstance(rows, Iterable) else [rows]
    if isinstance(rows, Mapping) or not all(isinstance(row, Mapping) for row in listed):
        raise TypeError(
            f"rows: got {type(rows).__name__}, expected a list of flat rows, such as "
            '[{"n": 8, "error": 0.5}]. Write record.to_pandas() for a record.'
        )
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "to_pandas needs pandas, which is not installed. Use: pip install approxlab[frames]"
        ) from error
    return pandas.DataFrame.from_records(listed)
