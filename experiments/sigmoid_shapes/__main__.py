from experiments.runner import main
from experiments.sigmoid_shapes.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
