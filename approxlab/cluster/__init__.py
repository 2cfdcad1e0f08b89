"""Workers of a Dask cluster compute independent pieces, such as the units of a sweep.

    with al.cluster.local(4) as client:
        results = al.sweeps.run(units, client=client)

Which worker computes what, and what happens when one is lost, is decided by the scheduler of
dask.distributed. Here it is told which pieces there are, the longest first and as many at a time as
there are workers; and that a worker has the same packages as this process. A process computes one
piece at a time, with its share of the cores. Needs the extra: pip install 'approxlab[cluster]'
"""

from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
