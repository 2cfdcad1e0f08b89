from experiments.runner import main
from experiments.student_teacher.experiment import EXPERIMENT

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
