"""The command line from a checkout: `python -I -S src/wharf/cli/__main__.py ARGS`."""

import os
import sys

if not __package__:
    sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")))

from wharf.cli.main import console

if __name__ == "__main__":
    console()
