from experiments.runner import main
from experiments.trained_or_solved.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
