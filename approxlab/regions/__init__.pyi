from .counting import pieces_on_grid as pieces_on_grid
from .one_dimensional import count as count
from .one_dimensional import count_many as count_many
from .one_dimensional import pieces as pieces
from .one_dimensional import pieces_of_many as pieces_of_many
from .piecewise import Pieces as Pieces
from .polygons import Partition as Partition
from .two_dimensional import partition as partition
