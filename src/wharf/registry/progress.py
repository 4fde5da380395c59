"""How far a pull or a push is, in the words that Docker's progress stream has."""

from collections.abc import Callable
from typing import NamedTuple


class PullProgress(NamedTuple):
    """One step of a pull or a push; `current` and `total` are bytes, 0 where there is nothing to count."""

    status: str
    id: str = ""
    """First 12 digits of a layer's digest, or the tag."""
    current: int = 0
    total: int = 0


Report = Callable[[PullProgress], None]

PULLING_FS_LAYER = "Pulling fs layer"
WAITING = "Waiting"
DOWNLOADING = "Downloading"
VERIFYING = "Verifying Checksum"
COMPLETE = "Download complete"
EXISTS = "Already exists"

PREPARING = "Preparing"
PUSHING = "Pushing"
PUSHED = "Pushed"
LAYER_EXISTS = "Layer already exists"
