from .graphs import plot_trace as plot_trace
from .palette import HUES as HUES
from .palette import colors as colors
from .sizes import plot_error_against_size as plot_error_against_size
from .sizes import plot_heat_map as plot_heat_map
from .sizes import quartiles as quartiles
from .style_sheets import ordered_colors as ordered_colors
from .style_sheets import style as style
