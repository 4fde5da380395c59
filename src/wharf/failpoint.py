"""Failpoints: named places where a test can make this process fail.

`WHARF_FAILPOINTS="shim.clone=kill;state.commit=error:28"` arms two: `kill` sends SIGKILL to this process,
`error:N` raises OSError with errno N, `delay:S` sleeps S seconds. An action may be counted: `kill@3` acts on
the third passage only. Unarmed, a failpoint costs one dictionary look-up.
"""

import os
import signal
import time

_armed: dict[str, tuple[str, int]] = {}
_passed: dict[str, int] = {}


def arm(spec: str) -> None:
    """Arm the failpoints of `spec`, in the form of the module docstring; an empty text disarms all."""
    _armed.clear()
    _passed.clear()
    for item in filter(None, spec.split(";")):
        name, _, action = item.partition("=")
        action, _, count = action.partition("@")
        _armed[name.strip()] = (action.strip(), int(count or 0))


def failpoint(name: str) -> None:
    """Do what is armed for `name`, if anything."""
    if not _armed or name not in _armed:
        return
    action, at = _armed[name]
    _passed[name] = _passed.get(name, 0) + 1
    if at and _passed[name] != at:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)  # the init of a pid namespace does not heed its own signals
    elif action.startswith("error:"):
        number = int(action.removeprefix("error:"))
        raise OSError(number, os.strerror(number), f"failpoint {name}")
    elif action.startswith("delay:"):
        time.sleep(float(action.removeprefix("delay:")))


arm(os.environ.get("WHARF_FAILPOINTS", ""))
