'''Runs experiments: yours too, from a file anywhere.

An experiment is a plan of units, a function that computes one of them, and what is to be made of
the rows. The runner adds the command line, presets, resuming, shards, records and figures. The file
`my_experiment.py`:

    """How well do n equal linear pieces approximate the exponential function?"""

    from dataclasses import dataclass

    import numpy as np

    from experiments import runner


    @dataclass(frozen=True)
    class Config:
        """Settings of the experiment."""

        pieces: tuple[int, ...] = (4, 8, 16, 32)
        """Numbers of pieces."""


    def units(config):
        return [{"pieces": n} for n in config.pieces]


    def compute(unit, run):
        x, knots = np.linspace(0, 1, 10001), np.linspace(0, 1, unit["pieces"] + 1)
        error = np.interp(x, knots, np.exp(knots)) - np.exp(x)
        return [{"sup_error": float(np.max(np.abs(error)))}]


    def draw(rows):
        from matplotlib.figure import Figure

        figure = Figure()
        x, y = [row["pieces"] for row in rows], [row["sup_error"] for row in rows]
        figure.subplots().loglog(x, y, "o-")
        return figure


    EXPERIMENT = runner.Experiment(
        name="my_experiment",
        config=Config,
        presets={"default": Config(), "large": Config(pieces=(4, 16, 64, 256, 1024))},
        units=units,
        compute=compute,
        draw=draw,
    )

    if __name__ == "__main__":
        raise SystemExit(runner.main(EXPERIMENT))

Run it by `python my_experiment.py`: `--help` shows the first docstring and every field of the
config, `--preset large` takes other settings, `--shard 0/2` and `--shard 1/2` divide the work. What
is computed once is kept in runs/my_experiment/PRESET under the current folder, and a second run
goes on from there. Figure and numbers of the preset "default" go to figures/, those of other
presets stay beside their rows; `approxlab.records.read_record` reads the numbers back.

A unit names every setting that its numbers depend on: that is how it is found again. Random numbers
come from `run.seed`. Raise `revision=` when you change what `compute` does. `draw` is optional, and
so are `check`, `caption`, `table` and `seconds`: see `Experiment`. A setting that names a target
can accept a file of yours: see `experiments.runner.own_targets`.

A new flag is a field of `experiments.runner.flags.Options`, and what it does in `run` or `results`;
a new preset is an entry of `presets`.
'''

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
