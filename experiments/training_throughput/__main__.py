from experiments.runner import main
from experiments.training_throughput.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
