"""One run by several processes: the rows of one process, and what happens when one is lost.

The processes are on this machine, on the loopback address, with two CPU devices each. The tests
marked `slow` are further ways to be lost: python -m pytest -m slow
"""

import contextlib
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys

import distributed_toy
import jax
import pytest
from result_folder import LAUNCHER, ROOT, WIDTH, wait_for
from test_devices import FITS, alone

from approxlab import records
from approxlab.fitting.training import devices
from experiments import runner
from experiments.width_vs_depth import experiment as width_vs_depth

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and fork of POSIX")

TOY = [str(ROOT / "tests" / "distributed_toy.py")]
AGAIN = "Finished units are kept. Start all processes again with the same commands"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith(("SLURM_", "OMPI_", "JAX_", "XLA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "2")
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "computed.log"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Group:
    """The processes of a run, and the folder they fill."""

    def __init__(self, root, command=TOY):
        self.path, self.log, self.command = root / "out", root / "computed.log", command
        self.rows_file = self.path / "rows.jsonl"

    def flags(self, process, *, of=2, port=None, timeout=10):
        place = f"127.0.0.1:{port or free_port()}"
        who = ("--coordinator", place, "--processes", of, "--process", process)
        return [*map(str, ("--distributed", *who, "--peer-timeout", timeout))]

    def start(self, *flags, **environment):
        launcher = [sys.executable, "-c", LAUNCHER, "0"]
        return subprocess.Popen(
            [*launcher, *self.command, "--out", str(self.path), *flags],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip

    def start_both(self, *flags, other=None):
        port = free_port()
        each = (flags, flags if other is None else other)
        return [self.start(*self.flags(i, port=port), *each[i]) for i in (0, 1)]

    def run_here(self, *flags):
        """Exit code, and what was printed, of a run of one process: this one."""
        module = width_vs_depth if self.command is WIDTH else distributed_toy
        preset = ("--preset", "smoke") if self.command is WIDTH else ()
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = runner.main(module.EXPERIMENT, [*preset, "--out", str(self.path), *flags])
        return code, out.getvalue()

    def computed(self):
        """(process, unit) of every unit begun, by process and in order."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return sorted(tuple(map(int, line.split())) for line in text.splitlines())

    def finished(self):
        if not self.rows_file.exists():
            return {}
        return records.finished_units(records.read_rows(self.rows_file)[0])

    def record(self):
        (path,) = self.path.glob("*_*.json")
        return records.read_record(path)


@pytest.fixture
def group(tmp_path):
    return Group(tmp_path)


def ends(processes):
    """Exit code and errors of each; what the first printed."""
    said = [process.communicate(timeout=120) for process in processes]
    codes = [process.returncode for process in processes]
    return codes, [err for _, err in said], [out for out, _ in said]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The rows of the toy from one process."""
    group = Group(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_LOG", str(group.log))
        assert group.run_here()[0] == 0
    return group.record().rows


# Equal numbers


def test_two_processes_give_the_rows_of_one(group, whole):
    codes, errors, out = ends(group.start_both())
    assert codes == [0, 0], errors
    assert "4 cpu in 2 processes" in out[0]
    assert "networks." not in out[1] + errors[1], "the first alone speaks"
    record = group.record()
    assert records.same_numbers(record.rows, whole)
    assert {"converged", "budget"} == {row["status"] for row in whole}, "decisions differ"
    about = record.provenance["device"]
    assert (about["platform"], about["count"], about["processes"]) == ("cpu", 4, 2)
    assert group.computed() == [(i, unit) for i in (0, 1) for unit in range(6)]
    before = group.rows_file.read_bytes()
    code, text = group.run_here()  # how many processes there were is not part of a unit
    assert (code, "6 done, 0 to compute" in text) == (0, True)
    assert group.rows_file.read_bytes() == before


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_give_the_rows_of_one_in_the_real_experiment(tmp_path):
    alone, both = Group(tmp_path / "alone", WIDTH), Group(tmp_path / "both", WIDTH)
    assert alone.run_here()[0] == 0
    codes, errors, _ = ends(both.start_both())
    assert codes == [0, 0], errors
    assert records.same_numbers(both.record().rows, alone.record().rows)


@pytest.mark.slow
@pytest.mark.long
def test_tasks_of_slurm_find_each_other(group, whole):
    first = 65536 - 2**12  # jax takes the port after it by as many as the number of the job says
    port = next(p for p in random.sample(range(first, 65536), 50) if not taken(p))
    job = {"JOB_ID": port - first, "STEP_NODELIST": "localhost", "NTASKS": 2}
    processes = []
    for i in (0, 1):
        task = {**job, "PROCID": i, "LOCALID": i}
        environment = {f"SLURM_{name}": str(value) for name, value in task.items()}
        processes.append(group.start("--distributed", "--peer-timeout", "10", **environment))
    codes, errors, _ = ends(processes)
    assert codes == [0, 0], errors
    assert records.same_numbers(group.record().rows, whole)


# Lost processes


def lost(group, which, how, monkeypatch):
    """Ends one of two processes in the middle; errors and exit code of the other."""
    monkeypatch.setenv("TOY_PAUSE", "0.2")
    processes = group.start_both()
    wait_for(lambda: len(group.finished()) > 1, processes[0])
    pid = processes[which].pid
    if how == signal.SIGSTOP:  # as if its machine were gone: silent, with open connections
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
            pid = int(children.read())
    os.kill(pid, how)
    other = processes[1 - which]
    _, err = other.communicate(timeout=60)
    if how == signal.SIGSTOP:
        os.kill(pid, signal.SIGKILL)
    _, own = processes[which].communicate(timeout=60)
    monkeypatch.setenv("TOY_PAUSE", "0")
    return other.returncode, err, processes[which].returncode, own


def check_resumed(group, whole, resume):
    kept = group.finished()
    assert 2 <= len(kept) < 6
    before = group.rows_file.read_bytes()
    group.log.unlink()
    resume()
    assert group.rows_file.read_bytes().startswith(before)
    again = {unit for _, unit in group.computed()}
    assert again == set(range(6)) - {rows[0]["number"] for rows in kept.values()}
    assert records.same_numbers(group.record().rows, whole)


def test_a_killed_process_ends_the_other_with_advice(group, whole, monkeypatch):
    code, err, *_ = lost(group, 1, signal.SIGKILL, monkeypatch)
    assert code == 3, err
    assert "distributed_toy: another process was lost or has ended" in err
    assert AGAIN in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    check_resumed(group, whole, lambda: group.run_here())


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("which", "how"),
    [(0, signal.SIGKILL), (1, signal.SIGSTOP), (0, signal.SIGSTOP), (1, signal.SIGINT),
     (0, signal.SIGINT), (1, signal.SIGTERM)],
)  # fmt: skip
def test_every_way_to_be_lost_ends_with_advice(group, whole, monkeypatch, which, how):
    code, err, own_code, own = lost(group, which, how, monkeypatch)
    assert code == 3, err
    assert "another process was lost or has ended" in err
    assert AGAIN in err.strip().splitlines()[-1]
    if how == signal.SIGINT:
        assert own_code == 130
        assert "interrupted; finished units are kept. The same command" in own
    if how == signal.SIGSTOP:
        assert own_code == 128 + signal.SIGKILL
        assert "this process was ended by signal 9 (SIGKILL). " + AGAIN in own
    if how == signal.SIGTERM:
        assert own_code == 128 + how
        assert "this process was ended by signal 15 (SIGTERM). " + AGAIN in own

    def resume():
        codes, errors, _ = ends(group.start_both())
        assert codes == [0, 0], errors

    check_resumed(group, whole, resume)


def test_a_failed_unit_ends_all_with_its_name(group):
    codes, errors, _ = ends(group.start_both("--bad", "1", "--count", "3"))
    assert codes == [3, 3], errors
    assert '{"bad":true,"number":1,"seeds":5}: ValueError: a bad unit' in errors[0]
    assert "one failure ends all processes of a run. " + AGAIN in errors[0]
    assert len(group.finished()) == 1


# Wrong usage


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--distributed", "--shard", "0/2"], "--distributed lets processes .* --shard"),
        (["--distributed", "--plot-only"], "--plot-only and --distributed contradict"),
        (["--distributed", "--dry-run"], "--dry-run and --distributed contradict"),
        (["--process", "1"], "--process is for runs of several processes; add --distributed"),
        (["--distributed", "--processes", "2"], "has --processes alone; expected --coordinator"),
        (
            ["--distributed", "--coordinator", "a:1", "--processes", "2", "--process", "2"],
            "--process is 2 of --processes 2; expected a number from 0 to 1",
        ),
        (
            ["--distributed", "--coordinator", "node1", "--processes", "2", "--process", "0"],
            "--coordinator is 'node1'; expected HOST:PORT",
        ),
        (["--distributed", "--peer-timeout", "0"], "--peer-timeout is 0; expected 1 second"),
        (["--distributed"], "needs a Python of its own, and this one has loaded jax"),
    ],
)
def test_flags_that_do_not_fit(group, flags, message):
    code, text = group.run_here(*flags)
    assert code == 2
    assert re.search(message, text), text
    assert not group.path.exists()


def test_an_experiment_without_shared_units_says_so(group, monkeypatch):
    monkeypatch.setitem(distributed_toy.EXPERIMENT.__dict__, "together", False)
    monkeypatch.delitem(sys.modules, "jax")
    code, text = group.run_here("--distributed")
    assert code == 2
    assert "every process compute the same" in text
    assert "--shard" in text


def test_no_cluster_and_no_arguments(group):
    process = group.start("--distributed")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "finds no cluster here" in err
    assert "--coordinator node1:12345 --processes 2 --process 0" in err
    assert "Traceback" not in err


def test_a_port_that_is_taken(group):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = group.start(*group.flags(0, port=taken.getsockname()[1]))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "cannot be used here (Address already in use). Give all processes another one" in err


@pytest.mark.slow
@pytest.mark.long
def test_a_coordinator_that_cannot_be_reached(group):
    process = group.start(*group.flags(1, timeout=1))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "cannot be reached" in err
    assert "Start process 0 on that host" in err


@pytest.mark.slow
@pytest.mark.long
def test_a_process_that_never_comes(group):
    process = group.start(*group.flags(0, timeout=1))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "the processes did not find each other within 5 s" in err
    assert not group.path.exists()


def test_processes_with_different_plans(group):
    processes = group.start_both(other=["--seed", "1"])
    codes, errors, _ = ends(processes)
    assert codes == [2, 2], errors
    for err in errors:
        assert "the processes of this run plan different units" in err
    assert not group.rows_file.exists()


# The library

JOIN = """
import jax, sys
who = dict(num_processes=2, process_id=int(sys.argv[2]), cluster_detection_method="deactivate")
jax.distributed.initialize(sys.argv[1], **who)
"""


@pytest.mark.slow
@pytest.mark.long
def test_fits_in_a_program_of_several_processes():
    """By default each process computes for itself; over all devices they compute together."""
    own = FITS.replace("print(", "assert len(devices_for(3).devices) == 2; print(")
    own = "from approxlab.fitting.training.devices import devices_for\n" + own
    spread = FITS.replace("hidden=(8,),", "hidden=(8,), devices=jax.devices(),")
    assert own != FITS != spread
    expected = [2, json.loads(alone("-c", FITS, JAX_NUM_CPU_DEVICES="1"))[1]]
    for program in (own, spread):
        place = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-c", JOIN + program, place]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
        both = [subprocess.Popen([*command, i], **pipes) for i in "01"]
        codes, errors, out = ends(both)
        assert codes == [0, 0], errors
        for text in out:
            assert json.loads(text.splitlines()[-1]) == expected


def test_devices_of_a_fit_are_checked():
    own = jax.local_devices()
    assert devices.devices_for(3, own) == devices.devices_for(3)
    with pytest.raises(ValueError, match=r"devices: got \[\], expected devices of one platform"):
        devices.devices_for(3, [])
