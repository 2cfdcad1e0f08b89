"""`python -m approxlab answer TARGET --eps 1e-3`: see `python -m approxlab answer --help`."""

import sys

from approxlab.answers._command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
