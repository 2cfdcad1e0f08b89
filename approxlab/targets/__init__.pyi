from .catalogue import CATALOGUE as CATALOGUE
from .catalogue import get as get
from .catalogue import names as names
from .target import Smoothness as Smoothness
from .target import Target as Target
