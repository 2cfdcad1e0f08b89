from experiments.runner import main
from experiments.width_vs_depth.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
