"""Exec instances: further processes in a running container (`/containers/{id}/exec`, `/exec/…`)."""

from __future__ import annotations

from collections.abc import Mapping

from wharf.client.engine import Engine, Hijacked
from wharf.client.query import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import Created, ExecInspect


def create(engine: Engine, container: str, config: Mapping[str, object]) -> str:
    """Prepare a process in `container`; return the instance's id."""
    created: Created = engine.json("POST", f"/containers/{quote(container)}/exec", body=config)
    return created["Id"]


def start_detached(engine: Engine, instance: str, *, tty: bool, console_size: list[int] | None) -> None:
    """Start it and let it be."""
    engine.raw("POST", f"/exec/{quote(instance)}/start", body=_start_config(True, tty, console_size))


def start(engine: Engine, instance: str, *, tty: bool, console_size: list[int] | None) -> Hijacked:
    """Start it and return the stream tied to it. `console_size` is height and width."""
    return engine.hijack(f"/exec/{quote(instance)}/start", body=_start_config(False, tty, console_size))


def _start_config(detach: bool, tty: bool, console_size: list[int] | None) -> dict[str, object]:  # noqa: FBT001 - the wire's own two switches
    config: dict[str, object] = {"Detach": detach, "Tty": tty}
    if console_size is not None:
        config["ConsoleSize"] = console_size
    return config


def resize(engine: Engine, instance: str, height: int, width: int) -> None:
    """Give its terminal another size."""
    engine.raw("POST", f"/exec/{quote(instance)}/resize", {"h": height, "w": width})


def inspect(engine: Engine, instance: str) -> ExecInspect:
    """Return its state."""
    state: ExecInspect = engine.json("GET", f"/exec/{quote(instance)}/json")
    return state
