import errno
import json
import math
import os
import random
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import identity
import numpy as np
import pytest

from approxlab import records
from approxlab.records import origins

ROWS = [
    {"width": 8, "sup_error": 0.1 + 0.2, "status": "done", "run_s": 0.5},
    {"width": 16, "sup_error": math.nan, "status": "diverged", "run_s": -0.0},
    {"width": 32, "sup_error": -math.inf, "tiny": 5e-324, "ok": True, "none": None, "µ": "ε\n"},
]


def as_text(rows):
    """Equality that tells NaN, signed zeros, booleans and integers apart."""
    return [
        sorted((name, type(value).__name__, repr(value)) for name, value in r.items()) for r in rows
    ]


@pytest.fixture
def rows_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    with records.RowFile(path) as file:
        file.append("a", ROWS[:2])
        file.append("b", ROWS[2:])
    return path


@pytest.fixture
def about():
    return records.provenance(
        config={"widths": (8, 16), "gain": math.inf},
        preset="smoke",
        seed=3,
        dtype="float64",
        device={"platform": "cpu", "kind": "cpu", "count": 1},
        precision={"jax_enable_x64": True},
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
    )


# Encoding and identity


def test_canonical_json_is_sorted_compact_and_strict():
    row = {"b": math.nan, "a": math.inf, "c": -math.inf, "d": 0.1}
    assert records.canonical(row) == '{"a":"Infinity","b":"NaN","c":"-Infinity","d":0.1}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.str_("tanh"), "tanh"),
        (np.float32("nan"), "NaN"),
    ],
)
def test_numpy_scalars_become_plain(value, expected):
    back = json.loads(records.canonical({"x": value}))["x"]
    assert (type(back), back) == (type(expected), expected)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_string_that_would_be_read_as_a_number_is_refused(value):
    with pytest.raises(ValueError, match=f"status is the string '{value}'.*expected"):
        records.canonical({"status": value})


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, np.zeros(2), 1j, object()])
def test_rows_are_flat(value):
    with pytest.raises(TypeError, match=r"errors is .* expected a number"):
        records.canonical({"errors": value})


def test_names_are_strings():
    with pytest.raises(TypeError, match="key 3; expected names"):
        records.canonical({3: 1.0})


def test_digest_is_that_of_sha256_and_ignores_order():
    # A fixed value: a change of the encoding would orphan every stored row, and must be noticed.
    expected = "fa75d1ca38f32e96310d6b90e731f672b9059aa3bff7529ee9b78f833b97971e"
    found = records.digest({"width": 8, "error": math.nan})
    assert found == records.digest({"error": math.nan, "width": 8})
    assert found == expected


@pytest.mark.parametrize(
    "change",
    [
        {"experiment": "other"},
        {"revision": 2},
        {"unit": {"width": 9}},
        {"seed": 1},
        {"dtype": "float32"},
        {"device": {"platform": "gpu", "kind": "cpu", "count": 1}},
        {"device": {"platform": "cpu", "kind": "another", "count": 1}},
        {"device": {"platform": "cpu", "kind": "cpu", "xla_flags": ["--xla_cpu_fast_math=true"]}},
        {"packages": {"jax": "2"}},
    ],
)
def test_identity_depends_on_everything_the_numbers_depend_on(change):
    base = {
        "experiment": "toy",
        "revision": 1,
        "unit": {"width": 8},
        "seed": 0,
        "dtype": "float64",
        "device": {"platform": "cpu", "kind": "cpu", "count": 1},
        "packages": {"jax": "1"},
    }
    assert records.identity(**base) != records.identity(**{**base, **change})
    # matplotlib draws the numbers but does not change them
    same = {**base, "packages": {"jax": "1", "matplotlib": "9"}}
    assert records.identity(**base) == records.identity(**same)


# Row files


def test_rows_come_back_bit_for_bit(rows_file):
    rows, unusable = records.read_rows(rows_file)
    units = records.finished_units(rows)
    assert unusable == []
    assert as_text(units["a"] + units["b"]) == as_text(ROWS)


def test_random_floats_come_back_bit_for_bit(tmp_path):
    bits = random.Random(0).getrandbits(64 * 500).to_bytes(8 * 500, "little")
    values = np.frombuffer(bits, dtype="<f8")
    with records.RowFile(tmp_path / "rows.jsonl") as file:
        file.append("a", [{"x": value} for value in values])
    rows, _ = records.read_rows(tmp_path / "rows.jsonl")
    np.testing.assert_array_equal([row["x"] for row in rows], values)


def test_a_unit_is_written_by_one_call(tmp_path):
    with records.RowFile(tmp_path / "rows.jsonl") as file:
        calls, write = [], file._file.write
        file._file = type(
            "Spy",
            (),
            {
                "write": lambda _, data: calls.append(data) or write(data),
                **{
                    n: staticmethod(getattr(file._file, n))
                    for n in ("fileno", "seek", "read", "close")
                },
            },
        )()
        file.append("a", ROWS)
    assert len(calls) == 1
    assert calls[0].count(b"\n") == len(ROWS)


def test_every_flipped_bit_is_noticed(rows_file):
    content = rows_file.read_bytes()
    whole, _ = records.read_rows(rows_file)
    good = {row["part"]: row for row in whole if row["unit"] == "a"}
    for position in range(len(content)):
        for bit in (1, 32):  # 32 turns e into E: the same number in other letters
            spoiled = bytearray(content)
            spoiled[position] ^= bit
            rows_file.write_bytes(spoiled)
            rows, unusable = records.read_rows(rows_file)
            assert unusable, f"byte {position}"
            assert len(rows) < len(whole)
            for row in rows:  # what is left is untouched
                if row["unit"] == "a":
                    assert as_text([row]) == as_text([good[row["part"]]])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a row"),
        (b'{"x":1}', "checksum wrong"),
        (b'{"x":NaN}', "checksum wrong"),
        (b'{"x":[1]}', "not a flat row"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_problems_say_file_line_and_what(rows_file, line, what):
    content = rows_file.read_bytes().split(b"\n")
    rows_file.write_bytes(b"\n".join([content[0], line, *content[2:]]))
    _, unusable = records.read_rows(rows_file)
    assert [str(each) for each in unusable] == [f"rows.jsonl, line 2: {what}"]


def test_a_torn_end_is_cut_wherever_it_is(rows_file, tmp_path):
    content = rows_file.read_bytes()
    lines = content.split(b"\n")
    torn = tmp_path / "torn.jsonl"
    for cut in range(len(content)):
        torn.write_bytes(content[:cut])
        whole = content[:cut].count(b"\n")
        with records.RowFile(torn) as file:
            assert len(file.unusable) == (cut > 0 and content[cut - 1 : cut] != b"\n")
            file.append("c", [{"x": 1}])
        rows, unusable = records.read_rows(torn)
        assert unusable == []
        assert len(rows) == whole + 1
        assert torn.read_bytes().split(b"\n")[:whole] == lines[:whole]


def test_a_line_torn_by_another_process_does_not_spoil_the_next(rows_file):
    with records.RowFile(rows_file) as file:
        with open(rows_file, "ab") as other:
            other.write(b'{"x":')
        file.append("c", [{"x": 1}])
    rows, unusable = records.read_rows(rows_file)
    assert [each.reason for each in unusable] == ["not JSON"]
    assert "c" in records.finished_units(rows)


def test_a_half_written_unit_is_unfinished(rows_file):
    lines = rows_file.read_bytes().splitlines(keepends=True)
    rows_file.write_bytes(lines[0] + lines[2])
    rows, unusable = records.read_rows(rows_file)
    assert unusable == []
    assert set(records.finished_units(rows)) == {"b"}


def test_shards_merge_and_of_duplicates_the_last_counts(tmp_path):
    for shard, value in ((0, 1.0), (1, 2.0)):
        with records.RowFile(tmp_path / f"rows.{shard}-of-2.jsonl") as file:
            file.append("both", [{"x": value}])
            file.append(f"own{shard}", [{"x": value}])
    rows, _ = records.read_rows(*sorted(tmp_path.glob("rows*.jsonl")))
    units = records.finished_units(rows)
    assert set(units) == {"both", "own0", "own1"}
    assert units["both"] == [{"x": 2.0}]


def test_a_unit_stored_again_with_other_parts_is_the_later_one(tmp_path):
    with records.RowFile(tmp_path / "rows.jsonl") as file:
        file.append("a", [{"x": 1}, {"x": 2}])
        file.append("a", [{"x": 3}])
    rows, _ = records.read_rows(tmp_path / "rows.jsonl")
    assert records.finished_units(rows) == {"a": [{"x": 3}]}


def test_bad_units_are_refused_and_leave_nothing(rows_file):
    before = rows_file.read_bytes()
    with records.RowFile(rows_file) as file:
        with pytest.raises(ValueError, match="rows is empty"):
            file.append("c", [])
        with pytest.raises(ValueError, match="field 'part'"):
            file.append("c", [{"part": 1}])
        with pytest.raises(TypeError, match="x is"):
            file.append("c", [{"x": 1}, {"x": [1]}])
    assert rows_file.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_told_and_leaves_whole_rows(tmp_path):
    import resource

    path = tmp_path / "rows.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with records.RowFile(path) as file:
        file.append("a", ROWS)
        before = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
        try:
            with pytest.raises(records.NotWrittenError, match=r"\d+ bytes .* rows.jsonl: "):
                file.append("b", ROWS)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == before
        file.append("b", ROWS)
    assert set(records.finished_units(records.read_rows(path)[0])) == {"a", "b"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks on files")
def test_appending_waits_for_another_process(rows_file):
    import fcntl

    with records.RowFile(rows_file) as file, open(rows_file, "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # a lock belongs to an open file, not to a process
        appending = threading.Thread(target=file.append, args=("c", [{"x": 1}]))
        appending.start()
        appending.join(timeout=0.2)
        assert appending.is_alive()
        fcntl.flock(other, fcntl.LOCK_UN)
        appending.join(timeout=30)
    assert "c" in records.finished_units(records.read_rows(rows_file)[0])


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks on files")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_nothing_is_cut(rows_file, monkeypatch, number):
    """Lustre without flock, NFS without its lock service: rows are appended and never cut."""
    import fcntl

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    torn = rows_file.read_bytes() + b'{"width": 8, "sup_er'
    rows_file.write_bytes(torn)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with records.RowFile(rows_file) as file:
        file.append("c", [{"x": 1}])
    assert rows_file.read_bytes().startswith(torn + b"\n")
    rows, unusable = records.read_rows(rows_file)
    assert "c" in records.finished_units(rows)
    assert [each.reason for each in unusable] == ["not JSON"]
    monkeypatch.undo()
    number = errno.EIO
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(records.NotWrittenError, match=rf"{rows_file.name}: Input/output error"):
        records.RowFile(rows_file)


def test_two_processes_append_to_one_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    code = (
        "import sys; from approxlab import records\n"
        "for k in range(100):\n"
        "    with records.RowFile(sys.argv[1]) as file:\n"
        "        file.append(f'{sys.argv[2]}{k}', [{'x': 1.5, 'text': 'y' * 3000}] * 3)\n"
    )
    root = os.path.dirname(os.path.dirname(__file__))
    both = [
        subprocess.Popen([sys.executable, "-c", code, path, name], cwd=root) for name in ("a", "b")
    ]
    assert [process.wait() for process in both] == [0, 0]
    rows, unusable = records.read_rows(path)
    assert unusable == []
    assert len(records.finished_units(rows)) == 200


def test_same_numbers_ignores_times_and_nothing_else():
    rows = [{"x": math.nan, "run_s": 1.0, "sum": "a"}]
    assert records.same_numbers(rows, [{"x": math.nan, "run_s": 2.0}])
    assert not records.same_numbers(rows, [{"x": 1.0, "run_s": 1.0}])
    assert not records.same_numbers([{"x": 0.0}], [{"x": -0.0}])
    assert not records.same_numbers([{"x": 1}], [{"x": 1}, {"x": 1}])
    assert not records.same_numbers([{"x": 1, "s": 2}], [{"x": 1}])


# Whole files


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "figure.png"
    records.write_bytes_atomic(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match=r"^3 bytes could not be written to figure.png: No space"):
        records.write_bytes_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def test_json_documents_come_back(tmp_path):
    document = {"config": {"gain": math.inf, "widths": [1, [2, math.nan]]}, "name": "ε"}
    records.write_json_atomic(tmp_path / "new" / "a.json", document)
    assert repr(records.read_json(tmp_path / "new" / "a.json")) == repr(document)


def test_what_is_no_json_object_is_told(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"a.json holds a list"):
        records.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a.json is not JSON"):
        records.read_json(tmp_path / "a.json")


# Records


def test_a_record_comes_back_bit_for_bit(tmp_path, about):
    path = tmp_path / "toy.json"
    records.write_record(path, "toy", ROWS, about, revision=4, caption="Toys grow.")
    record = records.read_record(path)
    assert as_text(record.rows) == as_text(ROWS)
    assert (record.experiment, record.revision, record.caption) == ("toy", 4, "Toys grow.")
    assert record.provenance == about


def test_a_record_has_one_row_a_line(tmp_path, about):
    path = tmp_path / "toy.json"
    records.write_record(path, "toy", ROWS, about)
    text = path.read_text(encoding="utf-8")
    assert sum(line.startswith("  [") for line in text.splitlines()) == len(ROWS)
    raw = json.loads(text)
    keys = ["schema", "experiment", "revision", "provenance", "columns", "rows", "sum"]
    assert list(raw) == keys
    assert raw["columns"][:4] == ["width", "sup_error", "status", "run_s"]


def test_a_changed_record_is_refused(tmp_path, about):
    path = tmp_path / "toy.json"
    records.write_record(path, "toy", ROWS, about)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"done"', '"gone"'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"toy.json has a wrong checksum"):
        records.read_record(path)
    path.write_text(text.replace('"schema": 1', '"schema": 99'), encoding="utf-8")
    with pytest.raises(ValueError, match="schema 99; expected 1"):
        records.read_record(path)


def test_a_record_without_rows(tmp_path):
    records.write_record(tmp_path / "toy.json", "toy", [], {})
    assert records.read_record(tmp_path / "toy.json").rows == []


def test_pandas_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install approxlab\[frames\]"):
        records.to_pandas(ROWS)


# Provenance


def test_provenance_tells_what_and_not_who_or_where(about):
    assert about["started"] == "2026-01-02T01:04:05+00:00"
    assert about["finished"] is None
    assert about["config"] == {"widths": [8, 16], "gain": math.inf}
    assert set(about["packages"]) == set(origins.PACKAGES)
    assert about["packages"]["numpy"] == np.__version__
    assert about["packages"]["approxlab"] is not None
    text = json.dumps(about)
    assert os.path.dirname(os.path.dirname(__file__)) not in text
    assert not re.search(r'"/|\\\\|[A-Za-z]:\\|://', text)
    assert not identity.told(text)


def test_provenance_without_git(monkeypatch, about):
    def absent(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", absent)
    assert origins._commit() == (None, None)


def test_dirty_ignores_results(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    package = tmp_path / "approxlab"
    (package / "records").mkdir(parents=True)
    monkeypatch.setattr(origins, "_PACKAGE", package)
    git("init")
    assert origins._commit() == (None, None)  # a repository, but not that of these sources
    (package / "records" / "a.py").write_text("")
    git("add", ".")
    git("commit", "-m", "a")
    commit, dirty = origins._commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    assert dirty is False
    for folder in ("figures", "runs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "toy.json").write_text("{}")
    assert origins._commit() == (commit, False)
    (package / "records" / "a.py").write_text("x = 1")
    assert origins._commit() == (commit, True)


def test_absent_packages_are_none(monkeypatch):
    origins._version.cache_clear()
    monkeypatch.setattr(origins, "PACKAGES", ("no-such-package",))
    assert records.versions() == {"no-such-package": None}


def test_times_are_utc():
    assert origins._timestamp(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00+00:00"


def test_records_need_neither_jax_nor_pandas():
    heavy = {"jax", "pandas", "scipy"}
    code = f"import sys, approxlab.records; print({heavy} & set(sys.modules))"
    root = os.path.dirname(os.path.dirname(__file__))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_record_is_a_frame():
    record = records.Record("toy", 1, {}, [{"n": 8, "error": 0.5}, {"n": 16, "error": math.inf}])
    assert record.to_pandas()["error"].tolist() == [0.5, math.inf]
