from .experiment import Experiment as Experiment
from .experiment import RunInfo as RunInfo
from .run import main as main
