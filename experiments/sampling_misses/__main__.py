from experiments.runner import main
from experiments.sampling_misses.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
