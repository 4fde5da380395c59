"""Exec: a further process in a running container."""

from wharf.schema.host_config import Strings
from wharf.schema.struct import Struct, omit, wire


class ExecConfig(Struct):
    """The body of `POST /containers/{id}/exec`; `console_size` is (height, width)."""

    user: str = ""
    privileged: bool = False
    tty: bool = False
    console_size: tuple[int, int] | None = omit(None)
    attach_stdin: bool = False
    attach_stderr: bool = False
    attach_stdout: bool = False
    detach_keys: str = ""
    env: Strings = None
    working_dir: str = ""
    cmd: Strings = None


class ExecStartConfig(Struct):
    """The body of `POST /exec/{id}/start`."""

    detach: bool = False
    tty: bool = False
    console_size: tuple[int, int] | None = omit(None)


class ExecCreateResponse(Struct):
    """The answer to `POST /containers/{id}/exec`."""

    id: str = ""


class ProcessConfig(Struct):
    """What an exec runs; the only shape with lower-case names here."""

    tty: bool = wire(False, name="tty")
    entrypoint: str = wire("", name="entrypoint")
    arguments: Strings = wire(None, name="arguments")
    privileged: bool | None = omit(None, name="privileged")
    user: str = omit("", name="user")


class ExecInspect(Struct):
    """The answer to `GET /exec/{id}/json`; no exit code before the end; `pid` is the host's."""

    id: str = wire("", name="ID")
    running: bool = False
    exit_code: int | None = None
    process_config: ProcessConfig | None = None
    open_stdin: bool = False
    open_stderr: bool = False
    open_stdout: bool = False
    can_remove: bool = False
    container_id: str = ""
    detach_keys: str = ""
    pid: int = 0
