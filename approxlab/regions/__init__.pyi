from .counting import pieces_on_grid as pieces_on_grid
