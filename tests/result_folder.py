"""A folder of results, and the runs that fill it: in this process or in one of their own."""

import contextlib
import io
import subprocess
import sys
import time
from pathlib import Path

import robustness_toy

from approxlab import records
from experiments import runner
from experiments.width_vs_depth import experiment as width_vs_depth

ROOT = Path(__file__).parents[1]

# Control-C reaches a run even where the tests' own ignore it; the quota is of bytes a file.
LAUNCHER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
if quota := int(sys.argv[1]):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (quota, resource.RLIM_INFINITY))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
TOY = [str(ROOT / "tests" / "robustness_toy.py")]
WIDTH = ["-m", "experiments.width_vs_depth", "--preset", "smoke"]


class Folder:
    """A folder of results, and what is to be known of the runs that fill it."""

    def __init__(self, path, command=TOY):
        self.path, self.command = path, command
        self.name = "width_vs_depth" if command is WIDTH else "robustness_toy"
        self.log = path.parent / "computed.log"
        self.rows_file = path / "rows.jsonl"

    def start(self, *flags, quota=0):
        """A process of its own."""
        launcher = [sys.executable, "-c", LAUNCHER, str(quota)]
        return subprocess.Popen(
            [*launcher, *self.command, "--out", str(self.path), *flags],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *flags, quota=0):
        """Exit code and standard error of a process of its own."""
        process = self.start(*flags, quota=quota)
        _, err = process.communicate(timeout=120)
        return process.returncode, err

    def run_here(self, *flags):
        """Exit code, and what was printed, of a run in this process."""
        experiment = {"robustness_toy": robustness_toy, "width_vs_depth": width_vs_depth}[self.name]
        preset = ("--preset", "smoke") if self.command is WIDTH else ()
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = runner.main(experiment.EXPERIMENT, [*preset, "--out", str(self.path), *flags])
        return code, out.getvalue()

    def stored(self):
        """The finished units and the problems of all row files."""
        rows, problems = records.read_rows(*sorted(self.path.glob("rows*.jsonl")))
        return records.finished_units(rows), problems

    def record(self):
        return records.read_record(self.path / f"{self.name}.json")

    def computed(self):
        """Sizes of the toy's units computed so far, in order."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return [int(line.split()[1]) for line in text.splitlines()]


def sizes(units):
    return {rows[0]["size"] for rows in units.values()}


def wait_for(condition, process):
    while not condition() and process.poll() is None:
        time.sleep(0.001)
