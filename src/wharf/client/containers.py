"""Containers: `/containers/…` of the Engine API. Each function is one request, named after what it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wharf.client.engine import Engine, Hijacked
from wharf.client.http import Response
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import (
        ContainerInspect,
        ContainersPruned,
        ContainerSummary,
        ContainerTop,
        Created,
    )


def create(engine: Engine, config: Mapping[str, object], *, name: str = "", platform: str = "") -> Created:
    """Make a container of `config`, which holds HostConfig and NetworkingConfig too."""
    query = {"name": name or None, "platform": platform or None}
    created: Created = engine.json("POST", "/containers/create", query, body=config)
    return created


def listing(
    engine: Engine,
    *,
    everything: bool = False,
    limit: int = 0,
    size: bool = False,
    filters: Mapping[str, list[str]] | None = None,
) -> list[ContainerSummary]:
    """Return the running containers, or all, newest first."""
    query = {
        "all": True if everything else None,
        "limit": limit or None,
        "size": True if size else None,
        "filters": encode_filters(filters or {}),
    }
    rows: list[ContainerSummary] = engine.json("GET", "/containers/json", query)
    return rows


def inspect(engine: Engine, container: str) -> ContainerInspect:
    """Return all there is to know about `container`."""
    details: ContainerInspect = engine.json("GET", f"/containers/{quote(container)}/json")
    return details


def inspect_raw(engine: Engine, container: str, *, size: bool = False) -> bytes:
    """Return the same as the engine wrote it."""
    query = {"size": True if size else None}
    return engine.raw("GET", f"/containers/{quote(container)}/json", query)


def start(
    engine: Engine, container: str, *, detach_keys: str = "", checkpoint: str = "", checkpoint_dir: str = ""
) -> None:
    """Start `container`; return when its process runs."""
    query = {
        "detachKeys": detach_keys or None,
        "checkpoint": checkpoint or None,
        "checkpoint-dir": checkpoint_dir or None,
    }
    engine.raw("POST", f"/containers/{quote(container)}/start", query)


def stop(engine: Engine, container: str, *, timeout_s: int | None = None, signal: str = "") -> None:
    """Stop `container`; after `timeout_s` seconds (-1: never) by SIGKILL."""
    engine.raw("POST", f"/containers/{quote(container)}/stop", {"t": timeout_s, "signal": signal or None})


def restart(engine: Engine, container: str, *, timeout_s: int | None = None, signal: str = "") -> None:
    """Stop `container` as `stop` does, and start it."""
    engine.raw("POST", f"/containers/{quote(container)}/restart", {"t": timeout_s, "signal": signal or None})


def kill(engine: Engine, container: str, signal: str) -> None:
    """Send `signal` (a name or a number; empty: SIGKILL) to the first process of `container`."""
    engine.raw("POST", f"/containers/{quote(container)}/kill", {"signal": signal or None})


def pause(engine: Engine, container: str) -> None:
    """Freeze every process of `container`."""
    engine.raw("POST", f"/containers/{quote(container)}/pause")


def unpause(engine: Engine, container: str) -> None:
    """Let them go on."""
    engine.raw("POST", f"/containers/{quote(container)}/unpause")


def rename(engine: Engine, container: str, name: str) -> None:
    """Call `container` `name` from now on."""
    engine.raw("POST", f"/containers/{quote(container)}/rename", {"name": name})


def remove(
    engine: Engine, container: str, *, force: bool = False, volumes: bool = False, link: bool = False
) -> None:
    """Remove `container`; with `link`, remove only the link of that name."""
    query = {
        "force": True if force else None,
        "v": True if volumes else None,
        "link": True if link else None,
    }
    engine.raw("DELETE", f"/containers/{quote(container)}", query)


def resize(engine: Engine, container: str, height: int, width: int) -> None:
    """Give the terminal of `container` another size."""
    engine.raw("POST", f"/containers/{quote(container)}/resize", {"h": height, "w": width})


def top(engine: Engine, container: str, ps_options: Sequence[str]) -> ContainerTop:
    """Return the processes of `container` as ps(1) shows them with `ps_options`."""
    query = {"ps_args": " ".join(ps_options) or None}
    found: ContainerTop = engine.json("GET", f"/containers/{quote(container)}/top", query)
    return found


def stats(engine: Engine, container: str) -> Response:
    """Ask what `container` uses; the answer's body has a line, a ContainerStats, every second."""
    return engine.request("GET", f"/containers/{quote(container)}/stats", {"stream": True})


def update(engine: Engine, container: str, changes: Mapping[str, object]) -> list[str]:
    """Change limits and restart policy of `container`; return the engine's warnings."""
    answer: dict[str, list[str] | None] = engine.json(
        "POST", f"/containers/{quote(container)}/update", body=changes
    )
    return answer.get("Warnings") or []


def prune(engine: Engine, *, filters: Mapping[str, list[str]]) -> ContainersPruned:
    """Remove the containers that do not run."""
    query = {"filters": encode_filters(filters)}
    report: ContainersPruned = engine.json("POST", "/containers/prune", query)
    return report


def wait(engine: Engine, container: str, condition: str = "") -> Response:
    """Ask to be told of the end; the answer's body comes then: one WaitAnswer.

    `condition`: not-running (the default), next-exit, removed.
    """
    return engine.request("POST", f"/containers/{quote(container)}/wait", {"condition": condition or None})


def attach(
    engine: Engine,
    container: str,
    *,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    detach_keys: str = "",
    logs: bool = False,
) -> Hijacked:
    """Return a stream tied to the container's own."""
    query = {
        "stream": True,
        "stdin": True if stdin else None,
        "stdout": True if stdout else None,
        "stderr": True if stderr else None,
        "logs": True if logs else None,
        "detachKeys": detach_keys or None,
    }
    return engine.hijack(f"/containers/{quote(container)}/attach", query)


def logs(
    engine: Engine,
    container: str,
    *,
    follow: bool = False,
    since: str = "",
    until: str = "",
    timestamps: bool = False,
    details: bool = False,
    tail: str = "",
) -> Response:
    """Return the log; framed unless the container has a terminal. Times are what the API takes."""
    query = {
        "stdout": True,
        "stderr": True,
        "follow": True if follow else None,
        "since": since or None,
        "until": until or None,
        "timestamps": True if timestamps else None,
        "details": True if details else None,
        "tail": tail or None,
    }
    return engine.request("GET", f"/containers/{quote(container)}/logs", query)
