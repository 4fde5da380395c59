"""The daemon from its own folder: `python -I src/wharf/daemon/__main__.py FLAGS`."""

import os
import sys

if not __package__:
    sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")))

from wharf.daemon.main import console

if __name__ == "__main__":
    console()
