from experiments.first_use.experiment import EXPERIMENT
from experiments.runner import main

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
