"""The versions this engine speaks, and the release whose behaviour it has."""

from typing import Final

API_VERSION: Final = "1.51"
"""The newest version of the Engine API, used where a request names none."""

MIN_API_VERSION: Final = "1.24"
"""The oldest version of the Engine API that is answered."""

COMPATIBLE_WITH: Final = "28.5.2"
"""The Docker release whose behaviour this engine has; clients decide by it what they may ask."""
