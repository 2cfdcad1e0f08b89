from experiments.cluster_speedup.experiment import EXPERIMENT
from experiments.runner import main

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
