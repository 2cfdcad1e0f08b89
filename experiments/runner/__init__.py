"""Runs experiments: see `experiments.runner.run`."""

from experiments.runner.plan import Experiment, RunInfo
from experiments.runner.run import main

__all__ = ["Experiment", "RunInfo", "main"]
