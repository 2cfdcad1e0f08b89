"""Plans of many fits: which cells there are, in which order, and from which key each one starts.

    import approxlab as al

    units = al.sweeps.plan(["runge", "kink"], depths=[1, 2], budgets=[100, 200], seeds=5)
    results = al.sweeps.run(units, seed=0)
    with al.cluster.local(4) as client:  # the same results, by four processes
        results = al.sweeps.run(units, seed=0, client=client)

A unit is one network shape and one target with all its seeds: it is computed, resumed and handed
to another process as a whole; `run_unit(target, unit, seeds=[3])` computes some of its seeds, with
the same numbers. Plans are plain Python: making one does not load JAX.
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
