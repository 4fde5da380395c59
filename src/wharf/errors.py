"""The kinds of error a user may read. Imports nothing; every room may raise them.

EngineError
├── InvalidParameter        the request itself is wrong
├── Unauthorized            who you are is not known
├── Forbidden               you are known, and may not
├── NotFound                the named thing does not exist
├── Conflict                the thing's present state does not allow it
├── NotModified             it is already so
├── NotImplementedByEngine  this engine does not do that
├── Unavailable             something that is needed is not there now
├── Cancelled               the client went away, or the engine is stopping
└── Internal                the engine tried and the system refused

Which HTTP status and which exit code belong to a kind is said in one place each: `api/errors.py` and
`cli/errors.py`. A bug is an AssertionError or any other plain exception, never one of these.
"""


class EngineError(Exception):
    """Base of all errors that a user may read; `str(error)` is the whole message."""


class InvalidParameter(EngineError):
    """The request itself is wrong, whatever the state of the engine."""


class Unauthorized(EngineError):
    """The caller has to say who they are."""


class Forbidden(EngineError):
    """The caller is known and may not do this."""


class NotFound(EngineError):
    """The named thing does not exist."""


class Conflict(EngineError):
    """The thing's present state, or another thing, does not allow it."""


class NotModified(EngineError):
    """The thing is already in the state asked for."""


class NotImplementedByEngine(EngineError):
    """The engine does not do this."""


class Unavailable(EngineError):
    """Something the request needs is not there now."""


class Cancelled(EngineError):
    """The work was given up before it was done."""


class Internal(EngineError):
    """The engine tried, and the system refused."""


def kind_of(error: EngineError) -> type[EngineError]:
    """Return the class of the tree above that `error` belongs to: its nearest kind."""
    return next(kind for kind in type(error).__mro__ if kind.__module__ == __name__)
