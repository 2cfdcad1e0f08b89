from .level_sets import extrema as extrema
from .level_sets import intersections as intersections
from .level_sets import level_set as level_set
from .level_sets import roots as roots
from .point_sets import Extrema as Extrema
from .point_sets import PointSet as PointSet
