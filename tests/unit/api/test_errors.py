"""The table of statuses."""

import pytest

from wharf import errors
from wharf.api.errors import STATUS, BodyTooLarge, status_of


class NoSuchThing(errors.NotFound):
    """An error of some room."""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidParameter(), 400),
        (errors.Unauthorized(), 401),
        (errors.Forbidden(), 403),
        (NoSuchThing(), 404),
        (errors.Conflict(), 409),
        (errors.NotModified(), 304),
        (errors.NotImplementedByEngine(), 501),
        (errors.Unavailable(), 503),
        (errors.Internal(), 500),
        (errors.EngineError(), 500),
        (BodyTooLarge(), 413),
        (ValueError(), 500),
    ],
)
def test_a_kind_has_its_status(error: Exception, status: int) -> None:
    assert status_of(error) == status


def test_every_kind_is_in_the_table() -> None:
    kinds = {kind for kind in errors.EngineError.__subclasses__() if kind.__module__ == errors.__name__}
    assert kinds <= STATUS.keys()
