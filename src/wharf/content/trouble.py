"""The system's refusals, told to users: an OSError becomes `Internal` where what was tried is known."""

from collections.abc import Iterator
from contextlib import contextmanager

from wharf.errors import Internal


@contextmanager
def trouble(attempt: str) -> Iterator[None]:
    """Turn an OSError into `Internal`: `cannot <attempt>: no space left on device`."""
    try:
        yield
    except OSError as error:
        raise Internal(f"cannot {attempt}: {(error.strerror or str(error)).lower()}") from error
