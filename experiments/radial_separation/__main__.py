from experiments.runner import main
from experiments.radial_separation.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
