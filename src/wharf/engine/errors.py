"""The engine's errors with their data, in Docker's words."""

from wharf.errors import Conflict, InvalidParameter, NotFound, NotImplementedByEngine


class NoSuchContainer(NotFound):
    """No container has this name, id or id prefix."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"No such container: {ref}")
        self.ref = ref


class NoSuchExec(NotFound):
    """No exec instance has this id."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"No such exec instance: {ref}")


class AmbiguousPrefix(InvalidParameter):
    """More than one object's id begins so."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"multiple IDs found with provided prefix: {ref}")


class NameTaken(Conflict):
    """Another container has the name."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(
            f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
            "You have to remove (or rename) that container to be able to reuse that name."
        )


class NotRunning(Conflict):
    """The container would have to run for this."""

    def __init__(self, container_id: str) -> None:
        super().__init__(f"container {container_id} is not running")


class Restarting(Conflict):
    """The container waits for its next start, and has no process now."""

    def __init__(self, container_id: str) -> None:
        super().__init__(f"Container {container_id} is restarting, wait until the container is running")


class CannotKill(Conflict):
    """A signal for a container that does not run."""

    def __init__(self, ref: str, container_id: str) -> None:
        super().__init__(f"cannot kill container: {ref}: container {container_id} is not running")


class RemovalInProgress(Conflict):
    """Somebody else is removing it."""

    def __init__(self, container_id: str) -> None:
        super().__init__(f"removal of container {container_id} is already in progress")


class StartFailed(InvalidParameter):
    """The command cannot be run in this container; `exit_code` is what a shell would say (126, 127)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotYet(NotImplementedByEngine):
    """A part of Docker that this engine does not do yet."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported by this engine yet")


__all__ = [
    "AmbiguousPrefix",
    "CannotKill",
    "NameTaken",
    "NoSuchContainer",
    "NoSuchExec",
    "NotRunning",
    "NotYet",
    "RemovalInProgress",
    "Restarting",
    "StartFailed",
]
