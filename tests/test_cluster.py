"""Units in the workers of a Dask cluster: the rows of one process, whatever is killed.

The clusters are of this machine. The tests marked `slow` have more workers and other ways to be
lost: python -m pytest -m slow
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cluster_toy
import jax
import numpy as np
import pytest
from result_folder import ROOT

import approxlab as al
from approxlab import cluster, records
from approxlab.cluster import in_workers, pieces, starting
from experiments import runner
from experiments.runner import cluster_simulation, own_targets
from experiments.runner.cores import usable_cores

TOY = [sys.executable, str(ROOT / "tests" / "cluster_toy.py")]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith(("SLURM_", "JAX_", "XLA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "begun.log"))


@pytest.fixture(scope="module")
def client():
    """Of one worker in a thread of this process: what is said is said without killing."""
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as client:
        yield client


def here(*flags):
    """Exit code, and what was printed, of a run of the toy in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = runner.main(cluster_toy.EXPERIMENT, [*map(str, flags)])
    return code, out.getvalue()


class Run:
    """A run of the toy by workers, in another process."""

    def __init__(self, folder, *flags, pause=0.3, dask="local:2", command=TOY):
        self.folder, self.log = folder / "out", folder / "begun.log"
        self.process = subprocess.Popen(
            [*command, "--out", str(self.folder), "--dask", dask, *map(str, flags)],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "TOY_PAUSE": str(pause)},
        )  # fmt: skip

    def begun(self):
        """(process, unit) of every unit begun, in order."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        lines = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
        return [tuple(map(int, line.split())) for line in lines]

    def when_begun(self, count):
        deadline = time.monotonic() + 120
        while len(self.begun()) < count:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self.begun()

    def ends(self):
        out, _ = self.process.communicate(timeout=240)
        return self.process.returncode, out

    def rows(self):
        return records.read_record(self.folder / "cluster_toy.json").rows


def of_one_process(tmp_path, *flags):
    code, out = here("--out", tmp_path / "alone", *flags)
    assert code == 0, out
    return records.read_record(tmp_path / "alone" / "cluster_toy.json").rows


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")  # one that has ended may wait for its parent: Z
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(processes):
    deadline = time.monotonic() + 60
    while any(map(alive, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


# Processes that are killed


@posix
@pytest.mark.slow
def test_a_killed_worker_and_a_unit_that_raises(tmp_path):
    pytest.importorskip("distributed")
    run = Run(tmp_path, "--count", 6, "--bad", 5)
    victim, unit = run.when_begun(2)[-1]
    os.kill(victim, signal.SIGKILL)
    code, out = run.ends()
    assert code == 3, "of the unit that raised"
    assert "cpu in 2 workers" in out
    assert '"number":5}: ValueError: a bad unit' in out
    assert "1 of 6 units failed" in out
    begun = run.begun()
    assert [n for _, n in begun].count(unit) == 2, "begun again"
    assert len({process for process, _ in begun}) >= 2
    found = records.finished_units(records.read_rows(run.folder / "rows.jsonl")[0])
    rows = sorted((row for unit in found.values() for row in unit), key=lambda r: r["number"])
    want = [row for row in of_one_process(tmp_path, "--count", 6) if row["number"] < 5]
    assert [(r["number"], r["value"]) for r in rows] == [(r["number"], r["value"]) for r in want]
    gone({process for process, _ in begun})


def kill_both(tmp_path, again):
    run = Run(tmp_path, "--count", 6)
    os.kill(run.when_begun(2)[-1][0], signal.SIGKILL)
    run.when_begun(5)
    run.process.kill()
    run.ends()
    begun = run.begun()
    gone({process for process, _ in begun})
    stored = records.finished_units(records.read_rows(run.folder / "rows.jsonl")[0])
    assert stored
    whole = {row["number"] for rows in stored.values() for row in rows}
    code, out = again(run)
    assert code == 0, out
    assert f"6 units, {len(stored)} done" in out
    later = [n for _, n in run.begun()[len(begun) :]]
    assert not whole & {*later}, "nothing finished is computed again"
    assert records.same_numbers(run.rows(), of_one_process(tmp_path, "--count", 6))


@posix
def test_a_killed_worker_and_a_killed_client_and_one_process_goes_on(tmp_path):
    pytest.importorskip("distributed")
    kill_both(tmp_path, lambda run: here("--out", run.folder, "--count", 6))


@posix
@pytest.mark.slow
def test_a_killed_worker_and_a_killed_client_and_workers_go_on(tmp_path):
    pytest.importorskip("distributed")
    kill_both(tmp_path, lambda run: Run(tmp_path, "--count", 6).ends())


@posix
@pytest.mark.slow
def test_three_workers_with_a_unit_that_kills_and_kills(tmp_path):
    pytest.importorskip("distributed")
    run = Run(tmp_path, "--count", 9, "--deadly", 4, dask="local:3", pause=0.2)
    code, out = run.ends()
    assert code == 3
    assert "1 of 9 units failed" in out
    assert '"number":4}: RuntimeError: its worker was lost each of the times' in out
    assert [n for _, n in run.begun()].count(4) == 4
    assert len({process for process, _ in run.begun()}) > 3
    code, out = Run(tmp_path, "--count", 9, dask="local:3").ends()
    assert code == 0, out
    assert records.same_numbers(run.rows(), of_one_process(tmp_path, "--count", 9))


@posix
@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    pytest.importorskip("distributed")
    run = Run(tmp_path, "--count", 9)
    run.when_begun(3)
    run.process.send_signal(signal.SIGINT)
    code, out = run.ends()
    assert code == 130
    assert "goes on from there" in out
    assert "Traceback" not in out


# Units in parts


def in_parts(tmp_path, bad=-1):
    """Flags of two units, of which the second one is computed in three parts by two workers.

    An earlier run, with another seed, has left its times in the folder, but not these units.
    """
    out = tmp_path / "out"
    seeds = ("--seeds", 3 * max(1, usable_cores() // 2))
    out.mkdir()
    with records.RowFile(out / "rows.jsonl") as file:
        for unit in cluster_toy.units(cluster_toy.Config(count=2, bad=bad, seeds=seeds[1])):
            row = {**unit, "experiment": "cluster_toy", "seed_root": 1, "dtype": "float64"}
            file.append(f"earlier {unit['number']}", [row], 1.0 + 8.0 * unit["number"])
    return "--count", 2, *seeds, "--bad", bad


@posix
def test_a_long_unit_in_parts_and_a_killed_client(tmp_path):
    pytest.importorskip("distributed")
    flags = in_parts(tmp_path)
    want = of_one_process(tmp_path, *flags)
    (tmp_path / "begun.log").unlink()
    run = Run(tmp_path, *flags, pause=1.0)
    run.when_begun(4)
    run.process.kill()
    run.ends()
    begun = run.begun()
    assert [n for _, n in begun].count(1) == 3
    gone({process for process, _ in begun})
    stored = records.finished_units(records.read_rows(run.folder / "rows.jsonl")[0])
    stored = [row for rows in stored.values() for row in rows if row["seed_root"] == 0]
    assert {row["number"] for row in stored} <= {0}, "parts are not stored"
    code, out = Run(tmp_path, *flags, pause=0).ends()
    assert code == 0, out
    assert "long units in parts: 1 in 3" in out
    again = [n for _, n in run.begun()[len(begun) :]]
    assert again.count(1) == 3, "once more in parts, with the times of other seeds"
    assert len(want) == 2 * flags[3]
    assert records.same_numbers(run.rows(), want)


@posix
@pytest.mark.slow
def test_a_part_that_raises_is_a_unit_that_failed_and_a_killed_worker_is_none(tmp_path):
    pytest.importorskip("distributed")
    flags = in_parts(tmp_path, bad=1)
    run = Run(tmp_path, *flags, pause=1.0)
    os.kill(run.when_begun(2)[-1][0], signal.SIGKILL)
    code, out = run.ends()
    assert code == 3
    assert out.count("ValueError: a bad unit") == 1
    assert "1 of 2 units failed" in out
    found = records.finished_units(records.read_rows(run.folder / "rows.jsonl")[0])
    rows = [row for rows in found.values() for row in rows if row["seed_root"] == 0]
    assert {row["number"] for row in rows} == {0}


@contextlib.contextmanager
def scheduler(folder, *workers):
    """The address of a scheduler in processes of its own, with workers of these flags."""
    pytest.importorskip("distributed")
    file = folder / "scheduler.json"

    def start(part, *flags):
        command = [sys.executable, "-m", f"distributed.cli.dask_{part}", "--no-dashboard"]
        return subprocess.Popen(
            [*command, *flags], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    where = ("--scheduler-file", str(file))
    parts = [start("scheduler", "--host", "127.0.0.1", "--port", "0", *where)]
    parts += [start("worker", *where, *flags) for flags in workers]
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield str(file), parts
    finally:
        for part in parts:
            part.kill()
            part.wait()


@posix
@pytest.mark.slow
def test_workers_of_several_threads_that_others_have_started(tmp_path):
    with scheduler(tmp_path, ("--nthreads", "3"), ("--nthreads", "1")) as (file, _):
        run = Run(tmp_path, dask=file, pause=0.1)
        code, out = run.ends()
    assert code == 0, out
    assert records.same_numbers(run.rows(), of_one_process(tmp_path))


@posix
@pytest.mark.slow
def test_a_killed_scheduler_ends_the_run_and_another_one_goes_on(tmp_path):
    with scheduler(tmp_path, ("--nthreads", "1")) as (file, parts):
        run = Run(tmp_path, dask=file)
        run.when_begun(3)
        parts[0].kill()
        code, out = run.ends()
    assert (code, "connection with the scheduler was lost" in out) == (3, True), out
    assert "Traceback" not in out
    code, out = Run(tmp_path, pause=0).ends()
    assert code == 0, out
    assert records.same_numbers(run.rows(), of_one_process(tmp_path))


@pytest.mark.slow
def test_a_worker_with_other_sources_is_refused(tmp_path, monkeypatch):
    import shutil

    other = tmp_path / "other"
    for name in ("approxlab", "experiments"):
        shutil.copytree(ROOT / name, other / name)
    with (other / "approxlab" / "solves.py").open("a") as file:
        file.write("# changed\n")
    shutil.copy(ROOT / "pyproject.toml", other)
    monkeypatch.setenv("PYTHONPATH", str(other))
    with scheduler(tmp_path, ("--nthreads", "1")) as (file, _):
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        code, out = Run(tmp_path, dask=file).ends()
    assert code == 2
    assert "has approxlab 0.1.0 with sources" in out
    assert "Start all workers in the same environment" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["width_vs_depth", "gap_to_optimum", "sampling_misses"])
def test_a_real_experiment_has_the_rows_of_one_process(tmp_path, name):
    pytest.importorskip("distributed")
    rows = []
    for flags in ((), ("--dask", "local:2")):
        out = tmp_path / str(len(rows))
        command = [sys.executable, "-m", f"experiments.{name}", "--preset", "smoke"]
        subprocess.run([*command, "--out", str(out), *flags], check=True, cwd=ROOT)
        rows.append(records.read_record(out / f"{name}.json").rows)
    assert records.same_numbers(*rows)


@pytest.mark.slow
def test_an_own_target_goes_to_workers_that_have_no_such_file(tmp_path):
    place = tmp_path / "mine.py"
    place.write_text(
        "import approxlab as al\nSCALE = 3.0\n\ndef square(x):\n    return SCALE * x[0] ** 2\n\n"
        "bell = al.Target(square, domain=al.Box([0.0], [1.0]))\n"
    )
    own_targets.source(f"{place}:bell")
    carried = own_targets.loaded()
    place.unlink()
    code = (
        "import pickle, sys; from experiments.runner import own_targets as o\n"
        "o.receive(pickle.load(sys.stdin.buffer)); (t,) = o._loaded.values()\n"
        "print(float(t.fn([2.0])))"
    )
    import pickle

    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(dict(carried)), capture_output=True
    )
    assert done.stdout.strip() == b"12.0", done.stderr


# What is refused


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["local:0"], "expected tcp://HOST:PORT of a scheduler, a scheduler file (.json), or"),
        (["local:"], "--dask is 'local:'"),
        (["local:-2"], "--dask is 'local:-2'"),
        (["node1"], "--dask is 'node1'"),
        ([""], "--dask is empty; expected tcp://HOST:PORT or local:N."),
        (["local:2", "--shard", "0/2"], "--shard (or a SLURM array) divides them beforehand"),
        (["local:2", "--distributed"], "--distributed and --dask contradict each other"),
        (["local:2", "--plot-only"], "--plot-only and --dask contradict each other"),
        (["local:2", "--dry-run"], "--dry-run and --dask contradict each other"),
    ],
)
def test_flags_that_make_no_sense_are_refused_at_once(flags, said):
    code, out = here("--dask", *flags)
    assert (code, said in out) == (2, True), out


def test_the_tasks_of_an_array_are_no_workers(monkeypatch):
    for name, value in (("COUNT", "2"), ("ID", "0"), ("MIN", "0")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    code, out = here("--dask", "local:2")
    assert (code, "do one of them" in out) == (2, True)


def test_the_extra_is_named_where_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, out = here("--dask", "local:2", "--out", tmp_path)
    assert (code, "pip install 'approxlab[cluster]'" in out) == (2, True), out
    with pytest.raises(cluster.Refused, match=r"approxlab\[cluster\]"), cluster.local(2):
        pass


def test_an_address_where_nobody_answers(monkeypatch, tmp_path):
    pytest.importorskip("distributed")
    monkeypatch.setattr(starting, "_TO_CONNECT_S", 1)
    code, out = here("--dask", "tcp://127.0.0.1:9", "--out", tmp_path)
    assert code == 2
    assert "no scheduler answers at tcp://127.0.0.1:9 within 1 seconds" in out
    code, out = here("--dask", str(tmp_path / "absent.json"), "--out", tmp_path)
    assert (code, "absent.json" in out) == (2, True), out


def test_a_worker_with_another_package_is_refused(client, monkeypatch):
    ours, main = dict(in_workers.facts()), threading.main_thread()

    def facts():
        return ours if threading.current_thread() is main else {**ours, "jax": "0.0.1"}

    monkeypatch.setattr(in_workers, "facts", facts)
    monkeypatch.setattr(pieces, "facts", facts)
    for ask in (
        lambda: cluster.everywhere(client, str, 1),
        lambda: list(cluster.computed(client, str, [1])),
    ):
        with pytest.raises(cluster.Refused, match=r"worker \S+ has jax 0.0.1, expected \d"):
            ask()


@pytest.mark.parametrize("wrong", ["tcp://127.0.0.1:8786", 4, object()])
def test_what_is_no_client_is_refused(wrong):
    pytest.importorskip("distributed")
    units = al.sweeps.plan(["runge"], depths=[1], widths=[2], steps=2)
    with pytest.raises(TypeError, match="expected a dask.distributed Client"):
        al.sweeps.run(units, client=wrong)


# Order, outcomes and sweeps


def test_long_pieces_come_first_and_unknown_ones_before_them(client):
    seconds = [1.0, 3.0, None, 2.0, None]
    done = [one.index for one in cluster.computed(client, str, range(5), seconds=seconds)]
    assert done == [2, 4, 1, 3, 0]
    assert [one.index for one in cluster.computed(client, str, range(4))] == [0, 1, 2, 3]


def test_a_piece_that_raises_leaves_the_others(client):
    done = {one.index: one for one in cluster.computed(client, lambda x: 6 // x, [1, 0, 3])}
    assert (done[0].value, done[2].value) == (6, 2)
    assert isinstance(done[1].error, ZeroDivisionError)
    assert done[0].seconds >= 0
    assert done[1].seconds is None


def test_a_sweep_by_workers_is_the_sweep(client):
    units = al.sweeps.plan(["kink", "runge"], depths=[1], widths=[2], steps=4, points=9)
    wrong = al.sweeps.Unit("runge", width=2, depth=1, method="no such method")
    apart, together = al.sweeps.run(units), al.sweeps.run(units, client=client)
    for one, other in zip(apart, together, strict=True):
        for a, b in zip(*map(jax.tree.leaves, (one.networks, other.networks)), strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
    for workers in (None, client):
        with pytest.raises(al.sweeps.UnitsFailed, match="1 of 3 units failed") as caught:
            al.sweeps.run([wrong, *units], client=workers)
        assert list(caught.value.results) == list(units)
        assert isinstance(caught.value.errors[wrong], ValueError)


def test_a_target_that_nobody_knows_is_named():
    units = al.sweeps.plan(["mine"], depths=[1], widths=[2])
    with pytest.raises(ValueError, match="got none with the name 'mine' and dimension 1"):
        al.sweeps.run(units)


@pytest.mark.slow
def test_a_sweep_by_processes_is_the_sweep_in_both_precisions():
    pytest.importorskip("distributed")
    units = al.sweeps.plan(["runge", "kink"], depths=[1, 2], widths=[4], steps=30, seeds=2)
    with cluster.local(2) as client:
        for x64 in (True, False):
            with jax.enable_x64(x64):
                for one, other in zip(
                    al.sweeps.run(units), al.sweeps.run(units, client=client), strict=True
                ):
                    a, b = (jax.tree.leaves(result.networks) for result in (one, other))
                    assert all(p.dtype == q.dtype for p, q in zip(a, b, strict=True))
                    assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def threads(_):
    jax.block_until_ready(jax.numpy.ones((300, 300)) @ jax.numpy.ones((300, 300)))
    return {
        "environment": [os.environ.get(n) for n in ("NPROC", "OPENBLAS_NUM_THREADS")],
        "share": cluster.share(),
        "threads": len(os.listdir("/proc/self/task")),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_workers_share_the_cores(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    found = {}
    for cores in (2, 16):
        monkeypatch.setattr(starting, "_usable_cores", lambda cores=cores: cores)
        with cluster.local(2) as client:
            found[cores] = [one.value for one in cluster.computed(client, threads, range(4))]
        share = str(cores // 2)
        assert all(one["environment"] == [share, share] for one in found[cores])
        assert all(one["share"] == cores // 2 for one in found[cores])
    assert "NPROC" not in os.environ
    most = max(one["threads"] for one in found[2])
    assert most + 7 <= min(one["threads"] for one in found[16]), "XLA's threads follow the share"


# Times of units


def test_times_of_units_are_stored_and_found_again(tmp_path):
    code, _ = here("--out", tmp_path, "--count", 3)
    assert code == 0
    rows, unusable = records.read_rows(tmp_path / "rows.jsonl")
    assert not unusable
    assert [row["part"] for row in rows if "unit_s" in row] == [0, 0, 0]
    stored = records.finished_units(rows)
    assert all("unit_s" not in row for unit in stored.values() for row in unit)
    from experiments.runner.plan import Job

    made = cluster_toy.units(cluster_toy.Config(count=5))
    options = runner.flags.Options(out=tmp_path, seed=7)  # other identities, equal settings
    job = Job(cluster_toy.EXPERIMENT, options, None, {}, {str(u["number"]): u for u in made})
    seconds = job.seconds()
    assert [key for key, value in seconds.items() if value is not None] == ["0", "1", "2"]
    assert all(value is None or value >= 0 for value in seconds.values())


# The simulation in docs/cluster.md


def test_the_documented_table_is_that_of_the_recorded_times():
    kept = records.read_json(cluster_simulation.RECORD)
    rows = cluster_simulation.simulate(kept["times"])
    assert rows == kept["rows"]
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert cluster_simulation.table(rows) in text


@pytest.mark.parametrize("workers", [1, 2, 7, 64])
def test_the_simulated_end_is_between_its_bounds(workers):
    seconds = list(np.random.default_rng(workers).exponential(size=40))
    end = cluster_simulation.makespan(seconds, workers)
    share = sum(seconds) / workers
    assert max(share, max(seconds)) * (1 - 1e-12) <= end <= share + max(seconds)


def test_times_are_found_for_the_units_of_a_record():
    for name in cluster_simulation.EXPERIMENTS:
        times = records.read_json(cluster_simulation.RECORD)["times"][name]
        assert len(times["compile_s"]) == len(times["others_s"]) == len(times["seeds"])
        assert all(one >= 0 for one in times["compile_s"])
        assert all(one >= 0 for one in times["others_s"])
        assert sum(one > 0 for one in times["others_s"]) > len(times["others_s"]) / 2


def test_a_simulated_part_compiles_for_itself_and_has_its_share_of_the_rounds():
    times = {"undivided_s": 1.0, "compile_s": [2.0, 0.0], "others_s": [9.0, 0.5], "seeds": [5, 1]}
    rows = cluster_simulation.simulate({"toy": times})
    by_way = {(row["experiment_name"], row["workers"]): row for row in rows}
    assert {row["one_worker_s"] for row in rows} == {12.5}
    for workers in cluster_simulation.WORKERS:
        parts, alone = by_way["toy", workers], by_way["toy, no unit in parts", workers]
        assert (parts["pieces"], parts["longest_s"], parts["sum_s"]) == (4, 5.0, 15.5)
        assert (alone["pieces"], alone["longest_s"], alone["sum_s"]) == (2, 11.0, 11.5)
        assert parts["end_s"] == 6.0
