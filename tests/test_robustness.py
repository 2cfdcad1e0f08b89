"""What a run survives: kills, Control-C, full disks, damaged files, company, other versions.

The tests marked `slow` are the same ones with full counts: python -m pytest -m slow
"""

import contextlib
import functools
import itertools
import os
import random
import shutil
import signal
import sys
import time

import pytest
import robustness_toy
from result_folder import ROOT, WIDTH, Folder, sizes, wait_for

from approxlab import records
from experiments.runner import cores, machine, run

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits of POSIX")


def counted(few, many):
    """The few in the ordinary suite, the many with -m slow."""
    return [few, pytest.param(many, marks=[pytest.mark.slow, pytest.mark.long])]


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "computed.log"))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "out")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The numbers of an uninterrupted run of the toy, by its flags."""
    known = {}

    def numbers(*flags):
        if flags not in known:
            folder = Folder(tmp_path_factory.mktemp("whole") / "out")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TOY_LOG", str(folder.log))
                assert folder.run_here(*flags)[0] == 0
            known[flags] = folder.record().rows
        return known[flags]

    return numbers


# K1: kills


@posix
@pytest.mark.parametrize("kills", counted(4, 50))
def test_killed_at_random_moments_and_resumed(tmp_path, kills, whole):
    """Kills at any moment of a run, most of them among the units, until so many are done."""
    rng, left, expected = random.Random(kills), kills, whole()
    for number in itertools.count():
        folder = Folder(tmp_path / f"{number}" / "out")
        folder.log = tmp_path / "computed.log"
        left = _kill_until_done(folder, rng, left)
        assert records.same_numbers(folder.record().rows, expected)
        assert set(folder.computed()) == set(range(60))
        folder.log.unlink()
        if left == 0:
            return


def _kill_until_done(folder, rng, kills):
    """Runs until one run ends by itself; the number of kills that are left then."""
    finished = {}
    while True:
        before = folder.computed()
        process = folder.start("--quiet")
        if kills:
            if rng.random() < 0.8:  # else anywhere: while importing, planning, drawing
                wait_for(functools.partial(_grown, folder, len(before)), process)
                time.sleep(rng.uniform(0.0, 0.3))
            else:
                time.sleep(rng.uniform(0.0, 4.0))
            process.kill()
        _, err = process.communicate(timeout=120)
        again = set(folder.computed()[len(before) :]) & sizes(finished)
        assert not again, f"finished units {again} were computed again"
        later, _ = folder.stored()
        assert {unit: later.get(unit) for unit in finished} == finished, "rows were lost"
        finished = later
        if process.returncode == 0:
            return kills
        assert process.returncode == -signal.SIGKILL, err
        kills -= 1


def _grown(folder, before):
    return len(folder.computed()) > before


def test_what_a_killed_writer_left_is_removed_when_it_is_old(folder):
    folder.path.mkdir()
    ending = "0123456789abcdef.tmp"
    old = [folder.path / f".{n}.{ending}" for n in ("config.json", "robustness_toy.png")]
    others = [".other.json." + ending, ".config.json.note.tmp", "config.json.tmp", "x.tmp"]
    kept = [folder.path / name for name in others]
    young = folder.path / (".robustness_toy.json." + ending)
    for file in [*old, *kept, young]:
        file.write_text("half a file")
        if file != young:
            os.utime(file, (0, 0))
    assert folder.run_here("--count", "1", "--dry-run")[0] == 0
    assert all(file.exists() for file in old)
    assert folder.run_here("--count", "1")[0] == 0
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in [*kept, young])


@posix
@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
@pytest.mark.slow
@pytest.mark.long
def test_a_stopped_training_goes_on(tmp_path, sign, code, width_whole):
    """The real experiment, stopped among its units in one process and finished in another."""
    folder = Folder(tmp_path / "out", WIDTH)
    process = folder.start()
    wait_for(lambda: folder.rows_file.exists() and len(folder.stored()[0]) > 3, process)
    process.send_signal(sign)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    kept, _ = folder.stored()
    assert len(kept) > 3
    if sign == signal.SIGINT:
        assert "The same command (without --force) goes on from there" in err
    before = folder.rows_file.read_bytes()
    exit_code, text = folder.run_here()
    assert exit_code == 0, text
    assert folder.rows_file.read_bytes().startswith(before)
    assert records.same_numbers(folder.record().rows, width_whole)


@posix
def test_control_c_keeps_rows_and_says_how_to_go_on(folder, whole, monkeypatch):
    monkeypatch.setenv("TOY_PAUSE", "0.05")
    process = folder.start()
    wait_for(lambda: len(folder.computed()) > 5, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted; finished units are kept. The same command (without --force)" in err
    assert "Traceback" not in err
    kept = sizes(folder.stored()[0])
    assert len(kept) >= 5
    monkeypatch.setenv("TOY_PAUSE", "0")
    folder.log.unlink()
    assert folder.run_here()[0] == 0
    assert sorted(folder.computed()) == sorted(set(range(60)) - kept)
    assert records.same_numbers(folder.record().rows, whole())


# K2: full disk


MEGABYTE = 1_000_000
LONG = ("--count", "8", "--letters", "60000")  # 180 kB a unit: five fit into the quota


@posix
def test_a_full_disk_stops_with_the_name_of_the_file(folder, whole):
    code, err = folder.run(*LONG, quota=MEGABYTE)
    assert code == 3
    assert "bytes could not be written to rows.jsonl: " in err
    assert "What was finished before is kept" in err
    assert "Traceback" not in err
    units, problems = folder.stored()
    assert (sizes(units), problems) == ({0, 1, 2, 3, 4}, [])
    assert all(file.stat().st_size for file in folder.path.iterdir())
    folder.log.unlink()
    assert folder.run_here(*LONG)[0] == 0
    assert folder.computed() == [5, 6, 7]
    assert records.same_numbers(folder.record().rows, whole(*LONG))


@posix
def test_a_record_that_does_not_fit_leaves_rows_and_no_rubbish(folder):
    for shard in ("0/2", "1/2"):
        code, err = folder.run(*LONG, "--shard", shard, quota=MEGABYTE)
    assert code == 3  # the rows of each shard fit, the record of both does not
    assert "could not be written to robustness_toy.json: " in err
    assert {file.name for file in folder.path.iterdir()} == {
        "config.json", "rows.0-of-2.jsonl", "rows.1-of-2.jsonl",
    }  # fmt: skip
    assert folder.run_here(*LONG)[0] == 0
    assert len(folder.computed()) == 8


@pytest.mark.parametrize("name", ["out", "out/rows.jsonl", "out/config.json"])
def test_a_place_that_cannot_be_written_is_named(folder, name):
    blocked = folder.path.parent / name
    if blocked.name == "out":
        blocked.write_text("a file where a folder should be")
    else:
        (blocked / "a folder where a file should be").mkdir(parents=True)
    code, text = folder.run_here("--count", "1")
    assert code == 3
    assert f"{'config.json' if name == 'out' else blocked.name}: " in text


@pytest.mark.parametrize("moment", [0, 2, 5])
@pytest.mark.parametrize("what", ["folder", "rows", "renamed"])
def test_a_folder_that_is_removed_while_it_is_in_use_is_told(folder, monkeypatch, moment, what):
    def compute(unit, info):
        if unit["size"] == moment:
            if what == "folder":
                shutil.rmtree(folder.path)
            elif what == "rows":
                folder.rows_file.unlink()
            else:
                folder.path.rename(folder.path.with_name("elsewhere"))
        return robustness_toy.compute(unit, info)

    monkeypatch.setitem(robustness_toy.EXPERIMENT.__dict__, "compute", compute)
    code, text = folder.run_here("--count", "6")
    assert code == 3, text
    assert "rows.jsonl: the file was removed or renamed while it was open" in text
    monkeypatch.undo()
    monkeypatch.setenv("TOY_LOG", str(folder.log))
    assert folder.run_here("--count", "6")[0] == 0


def test_rows_that_vanish_after_the_last_of_them_are_told(folder, monkeypatch):
    def compute(*given):
        failed = computed(*given)
        shutil.rmtree(folder.path)
        return failed

    computed = run._compute
    monkeypatch.setattr(run, "_compute", compute)
    code, text = folder.run_here("--count", "4", "--quiet")
    assert code == 3
    assert "4 of 4 units that were computed are not in out: the folder was removed" in text


# K3: flipped bits


@pytest.mark.parametrize("flips", counted(20, 200))
def test_flipped_bits_are_reported_and_computed_again(folder, flips, whole):
    few = ("--count", "6")
    assert folder.run_here(*few)[0] == 0
    good = {file.name: file.read_bytes() for file in folder.path.iterdir()}
    units = sizes(folder.stored()[0])
    rng, names = random.Random(flips), itertools.cycle(sorted(good))
    for name in itertools.islice(names, flips):
        for other, content in good.items():
            (folder.path / other).write_bytes(content)
        at, bit = rng.randrange(len(good[name])), rng.randrange(8)
        _flip(folder.path / name, at, bit)
        lost = units - sizes(folder.stored()[0])
        assert len(lost) == (1 if name == "rows.jsonl" else 0)
        folder.log.unlink()
        folder.log.touch()
        code, text = folder.run_here(*few)
        where = f"{name}, bit {bit} of byte {at}"
        assert code == 0, where
        assert set(folder.computed()) == lost, where
        reported = f"{name}, line" in text if name == "rows.jsonl" else f"{name} " in text
        assert reported or name.startswith("robustness_toy"), f"{where}:\n{text}"
        assert records.same_numbers(folder.record().rows, whole(*few)), where
        if name != "rows.jsonl":  # whole files are made again as they were
            assert _but_for_times(folder.path / name) == _but_for_times(good[name]), where


def _flip(path, at, bit):
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def _but_for_times(content):
    lines = (content if isinstance(content, bytes) else content.read_bytes()).split(b"\n")
    times = (b'"started"', b'"finished"', b'"sum"')
    return [line for line in lines if not line.strip().startswith(times)]


@pytest.mark.parametrize("flips", counted(20, 200))
def test_a_damaged_record_or_config_is_refused(folder, flips):
    """Where no rows are left, a figure's numbers and settings are read from these files alone."""
    few = ("--count", "6")
    assert folder.run_here(*few)[0] == 0
    files = [folder.path / "robustness_toy.json", folder.path / "config.json"]
    folder.rows_file.unlink()
    rng = random.Random(flips)
    for path in itertools.islice(itertools.cycle(files), flips):
        good, document = path.read_bytes(), records.read_json(path)
        at, bit = rng.randrange(len(good)), rng.randrange(8)
        _flip(path, at, bit)
        for flags in (("--plot-only", *few), ("--config", str(path), "--dry-run")):
            code, text = folder.run_here(*flags)
            where = f"{flags[0]}, {path.name}, bit {bit} of byte {at}"
            if code == 0:  # other letters for the same numbers, such as 1E-5, or no more a checksum
                kept = {n: v for n, v in records.read_json(path).items() if n in document}
                assert repr(kept) == repr(document), where
            else:
                assert (code, path.name in text) == (2, True), f"{where}: {text}"
        path.write_bytes(good)


def test_settings_without_a_checksum_are_not_believed(folder):
    assert folder.run_here("--count", "2")[0] == 0
    path = folder.path / "config.json"
    path.write_text(path.read_text().replace('"sum"', '"sul"'))
    code, text = folder.run_here("--count", "2")
    assert (code, "config.json has a wrong checksum" in text) == (0, True)
    code, text = folder.run_here("--count", "2")  # made again, once
    assert (code, "config.json has" in text) == (0, False)


# K4: company


@posix
@pytest.mark.parametrize("rounds", counted(1, 10))
def test_two_processes_on_one_sweep(tmp_path, rounds, whole):
    for number in range(rounds):
        folder = Folder(tmp_path / f"{number}" / "out")
        many = ("--letters", "20000")  # rows of many pages: a torn write would show
        both = [folder.start(*many), folder.start(*many)]
        errors = [process.communicate(timeout=120)[1] for process in both]
        assert [process.returncode for process in both] == [0, 0], errors
        units, problems = folder.stored()
        assert (sizes(units), problems) == (set(range(60)), [])
        assert records.same_numbers(folder.record().rows, whole(*many))
        assert not [file for file in folder.path.iterdir() if file.suffix == ".tmp"]


def test_old_rows_of_another_division_do_not_win_over_forced_ones(folder):
    assert folder.run_here("--count", "4")[0] == 0
    code, text = folder.run_here("--count", "4", "--force", "--shard", "0/2")
    assert code == 2
    assert "--force finds units of this shard in rows.jsonl" in text
    folder.rows_file.rename(folder.path / "old.jsonl")
    for shard in ("0/2", "1/2", "0/2"):
        assert folder.run_here("--count", "4", "--force", "--shard", shard)[0] == 0
    assert len(folder.computed()) == 4 + 6


# K5: other settings and versions


OTHERWISE = ["flag", "seed", "dtype", "revision", "kind", "xla_flags", *records.versions()]


@pytest.mark.parametrize("changed", OTHERWISE)
def test_what_was_computed_otherwise_is_reported_and_left_alone(folder, changed, monkeypatch):
    few = ("--count", "2")
    assert folder.run_here(*few)[0] == 0
    before = folder.rows_file.read_bytes()
    flags = {"flag": ("--letters", "3"), "seed": ("--seed", "1"), "dtype": ("--no-x64",)}
    if changed == "revision":
        monkeypatch.setitem(robustness_toy.EXPERIMENT.__dict__, "revision", 2)
    elif changed in ("kind", "xla_flags"):
        other = {"kind": "another", "xla_flags": ["--another"]}[changed]
        monkeypatch.setattr(run, "machine", _other_machine({changed: other}))
    elif changed not in flags:
        versions = {**records.versions(), changed: "99"}
        monkeypatch.setattr(records.origins, "versions", lambda: versions)
    code, text = folder.run_here(*few, *flags.get(changed, ()))
    assert code == 0
    again = changed != "matplotlib"  # which draws, but computes nothing
    assert folder.computed() == [0, 1] * (1 + again)
    assert ("2 stored units of other settings or versions are left alone" in text) == again
    assert folder.rows_file.read_bytes().startswith(before)


def _other_machine(change):
    @contextlib.contextmanager
    def changed(*arguments):
        with machine.machine(*arguments) as device:
            yield {**device, **change}

    return changed


def test_flags_of_xla_that_may_change_numbers_are_known(monkeypatch, tmp_path):
    neutral = f"--xla_force_host_platform_device_count=2 {cores.THREADS}=false"
    mine = ["--xla_cpu_max_isa=AVX", "--xla_cpu_use_fusion_emitters=false"]
    (tmp_path / "flags").write_text(f"{mine[1]}\n{mine[0]}")
    cases = {
        "": [],
        neutral: [],
        f"{mine[1]} {neutral} {mine[0]}": mine,
        "absent": [],
        str(tmp_path / "flags"): mine,
        "--xla_tuned_in=/home/me/a.pb": ["--xla_tuned_in=a.pb"],  # no path of this machine
    }
    for text, expected in cases.items():
        monkeypatch.setenv("XLA_FLAGS", text)
        assert machine.xla_flags() == expected


# K9 and shards: the same numbers however they are computed


@pytest.fixture(scope="module")
def width_whole(tmp_path_factory):
    """The numbers of width_vs_depth, smoke, from one uninterrupted run in this process."""
    folder = Folder(tmp_path_factory.mktemp("width") / "out", WIDTH)
    code, text = folder.run_here()
    assert code == 0, text
    return folder.record().rows


@pytest.mark.slow
def test_shards_of_the_real_experiment_merged_are_the_whole(tmp_path, width_whole):
    folder = Folder(tmp_path / "out", WIDTH)
    for shard in ("1/2", "0/2"):
        code, text = folder.run_here("--shard", shard)
        assert code == 0, text
    assert {f"rows.{i}-of-2.jsonl" for i in (0, 1)} < {file.name for file in folder.path.iterdir()}
    assert records.same_numbers(folder.record().rows, width_whole)


@pytest.mark.slow
def test_the_same_seed_twice_in_one_process_gives_the_same_bits(tmp_path, width_whole):
    again = Folder(tmp_path / "out", WIDTH)
    assert again.run_here()[0] == 0
    assert records.same_numbers(again.record().rows, width_whole)
