"""The only table from errors to HTTP statuses, and the shape an error has on the wire."""

import http
import logging
from typing import Final

from wharf import errors
from wharf.schema.struct import encode
from wharf.schema.system import ErrorResponse

_log = logging.getLogger("wharf.api")


class BodyTooLarge(errors.InvalidParameter):
    """A body that is longer than `limits.REQUEST_BODY`."""


STATUS: Final[dict[type[BaseException], int]] = {
    errors.InvalidParameter: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotModified: 304,
    errors.NotImplementedByEngine: 501,
    errors.Unavailable: 503,
    errors.Cancelled: 500,
    errors.Internal: 500,
    BodyTooLarge: 413,
}


def status_of(error: BaseException) -> int:
    """Return the status of the nearest kind in the error's class line; 500 for everything else."""
    for kind in type(error).__mro__:
        if status := STATUS.get(kind):
            return status
    return http.HTTPStatus.INTERNAL_SERVER_ERROR


def words_of(error: BaseException) -> str:
    """Return what a user may read of an error; a bug's traceback goes to the log, its kind to the user."""
    if isinstance(error, errors.EngineError):
        return str(error)
    _log.error("a request failed by a fault of the engine", exc_info=error)
    return f"internal error: {type(error).__name__}: {error}"


def body_of(message: str) -> bytes:
    """Return the body of an error: `{"message": …}` and a newline."""
    return encode(ErrorResponse(message=message)) + b"\n"
