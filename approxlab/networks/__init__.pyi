from .activations import ACTIVATIONS as ACTIVATIONS
from .activations import activation as activation
from .calculus import compose as compose
from .calculus import parallel as parallel
from .calculus import postcompose as postcompose
from .calculus import precompose as precompose
from .initialisation import INITIALISATIONS as INITIALISATIONS
from .mlp import MLP as MLP
