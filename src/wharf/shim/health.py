"""Health checks: a program executed in the container again and again, and what comes of it.

    starting ──a probe succeeds──▶ healthy ◀──────┐
       └──── `retries` failures in a row ────▶ unhealthy

While it is starting and inside the start period, failures are not counted, and probes follow each other after
the start interval. What was found is also kept in `health.json`, for a wharfd that was away.
"""

import json
import os
import time
from collections.abc import Callable
from typing import TypedDict

from wharf.failpoint import failpoint
from wharf.shim.execs import Execs
from wharf.shim.loop import Loop, Timer
from wharf.shim.maker import Makers, Target
from wharf.shim.protocol import HealthRules

HEALTH = "health.json"

KEPT = 5
"""How many results are kept."""

OUTPUT = 4096
"""Bytes that are kept of what a probe prints; `...` says that there was more."""

_SECOND = 1_000_000_000
_EXEC_FAILED = "OCI runtime exec failed: exec failed: "


class ProbeResult(TypedDict):
    """One probe. Times are nanoseconds of the wall clock; `exit_code` is -1 for one that did not end well."""

    start: int
    end: int
    exit_code: int
    output: str


class HealthState(TypedDict):
    """`health.json`: `starting`, `healthy` or `unhealthy`; failures in a row; results, the oldest first."""

    status: str
    streak: int
    log: list[ProbeResult]


class Output:
    """Keeps the beginning of what a probe prints, from both its streams (a `LogWriter`)."""

    __slots__ = ("_data", "_is_cut")
    is_full = False

    def __init__(self) -> None:
        self._data = b""
        self._is_cut = False

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:  # noqa: ARG002 - what was said counts
        """Take what there is room for."""
        room = OUTPUT - len(self._data)
        self._is_cut |= len(data) > room
        self._data += data[:room]

    def close(self) -> None:
        """Nothing is held."""

    @property
    def text(self) -> str:
        """What was kept."""
        return self._data.decode(errors="replace") + ("..." if self._is_cut else "")


class Health:
    """The checks of one container. `tell` sends an event to whoever listens."""

    __slots__ = (
        "_execs",
        "_loop",
        "_makers",
        "_probe",
        "_rules",
        "_started_at",
        "_state",
        "_target",
        "_tell",
        "_timer",
    )

    def __init__(
        self, loop: Loop, execs: Execs, tell: Callable[[dict[str, object]], object], makers: Makers
    ) -> None:
        self._loop = loop
        self._execs = execs
        self._tell = tell
        self._makers = makers
        self._rules: HealthRules | None = None
        self._target: Target | None = None
        self._started_at = 0
        self._timer: Timer | None = None
        self._probe: _Probe | None = None
        self._state: HealthState = {"status": "starting", "streak": 0, "log": []}

    def begin(self, rules: HealthRules, target: Target, started_at: int) -> None:
        """Check from now on; the container has just been started."""
        self._rules, self._started_at = rules, started_at
        self._state["status"], self._state["streak"] = "starting", 0
        self.resume(target)

    def resume(self, target: Target) -> None:
        """Go on with the checks, if there are any."""
        if self._rules is not None:
            self._target = target
            self._keep()
            self._await_next()

    def pause(self) -> None:
        """Stop checking until `begin` or `resume`; nobody can say that the container is well meanwhile."""
        if self._target is None:
            return
        self._target = None
        self._state["status"] = "unhealthy"
        if self._timer is not None:
            self._timer.cancel()
        if self._probe is not None:
            self._execs.end_probe(self._probe.name)
            self._probe = None
        self._keep()

    def _await_next(self) -> None:
        self._timer = self._loop.later(self._interval_s, self._begin_probe)

    @property
    def _interval_s(self) -> float:
        assert self._rules is not None
        is_starting = self._state["status"] == "starting" and self._is_in_start_period(time.time_ns())
        return self._rules["start_interval" if is_starting else "interval"] / _SECOND

    def _is_in_start_period(self, moment: int) -> bool:
        assert self._rules is not None
        return moment - self._started_at < self._rules["start_period"]

    def _begin_probe(self) -> None:
        assert self._target is not None
        self._probe = probe = _Probe(os.urandom(32).hex(), time.time_ns())
        failpoint("shim.probe")
        self._tell({"event": "probe", "exec": probe.name})
        try:
            self._execs.probe(
                probe.name,
                self._target,
                probe.output,
                answer=lambda answer: self._answered(probe, answer),
                on_end=lambda status: self._ended(probe, status),
            )
        except OSError as error:  # no process can be made now
            self._conclude(probe, None, -1, str(error))

    def _answered(self, probe: "_Probe", answer: dict[str, object]) -> None:
        if probe is not self._probe:
            return
        match answer:
            case {"error": {"message": str(message)}}:
                self._conclude(probe, None, -1, _EXEC_FAILED + message)
            case _:
                assert self._rules is not None
                self._timer = self._loop.later(self._rules["timeout"] / _SECOND, lambda: self._overdue(probe))

    def _overdue(self, probe: "_Probe") -> None:
        probe.is_overdue = True
        self._execs.end_probe(probe.name)

    def _ended(self, probe: "_Probe", status: int) -> None:
        if probe is not self._probe:
            return
        if self._timer is not None:
            self._timer.cancel()
        text = probe.output.text
        if probe.is_overdue:
            assert self._rules is not None
            exceeded = f"Health check exceeded timeout ({self._rules['timeout_text']})"
            self._conclude(probe, status, -1, f"{exceeded}: {text}" if text else exceeded)
        else:
            self._conclude(probe, status, status, text)

    def _conclude(self, probe: "_Probe", status: int | None, exit_code: int, output: str) -> None:
        """Take a result into account, tell of it, and wait for the next probe."""
        self._probe = None
        result: ProbeResult = {
            "start": probe.begun_at,
            "end": time.time_ns(),
            "exit_code": exit_code,
            "output": output,
        }
        before = self._state["status"]
        self._judge(result)
        self._state["log"] = [*self._state["log"], result][-KEPT:]
        self._keep()
        self._tell(
            {
                "event": "health",
                "exec": probe.name,
                "status": status,
                "health": self._state["status"],
                "streak": self._state["streak"],
                "changed": self._state["status"] != before,
                "result": result,
            }
        )
        self._await_next()

    def _judge(self, result: ProbeResult) -> None:
        assert self._rules is not None
        state = self._state
        if result["exit_code"] == 0:
            state["streak"], state["status"] = 0, "healthy"
        elif state["status"] != "starting" or not self._is_in_start_period(result["start"]):
            state["streak"] += 1
            if state["streak"] >= self._rules["retries"]:
                state["status"] = "unhealthy"

    def _keep(self) -> None:
        """Write `health.json`. It dies with the host, and is worth nothing then."""
        path = f"{self._makers.bundle}/{HEALTH}"
        beside = f"{path}.new"
        try:
            with open(beside, "wb", buffering=0) as file:
                file.write(json.dumps(self._state, separators=(",", ":")).encode("ascii"))
            os.rename(beside, path)
        except OSError:
            return  # a full disk: whoever is connected is told all the same


class _Probe:
    """One probe under way."""

    __slots__ = ("begun_at", "is_overdue", "name", "output")

    def __init__(self, name: str, begun_at: int) -> None:
        self.name = name
        self.begun_at = begun_at
        self.is_overdue = False
        self.output = Output()
