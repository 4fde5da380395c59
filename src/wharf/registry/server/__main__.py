"""The registry from its own folder: `python -I src/wharf/registry/server/__main__.py FLAGS`."""

import os
import sys

if not __package__:
    _own = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.abspath(os.path.join(_own, "..", "..", "..")))

from wharf.registry.server.main import main

if __name__ == "__main__":
    main()
