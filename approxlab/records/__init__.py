"""Rows of results: identity, checksum, append and resume, provenance, record files.

A row is a flat dict: names to numbers, strings, booleans or None. A unit is what is computed and
resumed in one piece, and consists of one or more rows. Rows of a run are appended to a row file;
the rows behind a figure are kept, with their provenance, in one small JSON record.
"""

from approxlab.records.encoding import Row, Scalar, canonical, digest
from approxlab.records.files import (
    NotWrittenError,
    read_json,
    remove_leftovers,
    write_bytes_atomic,
    write_json_atomic,
)
from approxlab.records.origins import identity, provenance, versions
from approxlab.records.rows import Problem, RowFile, finished_units, read_rows, same_numbers
from approxlab.records.tables import Record, read_record, to_pandas, write_record

__all__ = [
    "NotWrittenError",
    "Problem",
    "Record",
    "Row",
    "RowFile",
    "Scalar",
    "canonical",
    "digest",
    "finished_units",
    "identity",
    "provenance",
    "read_json",
    "read_record",
    "read_rows",
    "remove_leftovers",
    "same_numbers",
    "to_pandas",
    "versions",
    "write_bytes_atomic",
    "write_json_atomic",
    "write_record",
]
