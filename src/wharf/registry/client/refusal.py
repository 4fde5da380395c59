"""What a registry answers when it refuses, as an error of ours. Pure.

Source: OCI distribution specification, "Error codes"; texts as the distribution project's client makes them.
"""

from http import HTTPStatus

import msgspec

from wharf.errors import EngineError
from wharf.registry.errors import NotAuthorized, RegistryRefused, TooManyRequests

_TEXT_MAX = 512
_PAUSE_MAX_S = 60.0


class _Fault(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Faults(msgspec.Struct):
    errors: list[_Fault] | None = None
    details: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """One refused request."""

    status: int
    code: str
    """The registry's code (`MANIFEST_UNKNOWN`), empty when it gave none."""
    text: str


def read(status: int, body: bytes) -> Refusal:
    """Return what an answer with this status and body says."""
    try:
        faults = msgspec.json.decode(body, type=_Faults)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        faults = _Faults()
    if not faults.errors:
        if faults.details and status == HTTPStatus.UNAUTHORIZED:  # what Docker's own token server says
            return Refusal(status, "UNAUTHORIZED", _clean(f"unauthorized: {faults.details}"))
        return Refusal(status, "", _clean(faults.details) or _without_code(status, body))
    fault = faults.errors[0]
    words = fault.code.replace("_", " ").lower()
    return Refusal(
        status, fault.code.upper(), _clean(f"{words}: {fault.message}" if fault.message else words)
    )


def refused(status: int, body: bytes, retry_after: str = "") -> EngineError:
    """Return the error of an answer, where nothing better is known about what was asked for.

    `retry_after` is the header of that name; a date in it counts as nothing.
    """
    refusal = read(status, body)
    if status == HTTPStatus.UNAUTHORIZED or refusal.code == "UNAUTHORIZED":
        return NotAuthorized(refusal.text if refusal.code else "unauthorized: authentication required")
    if status == HTTPStatus.TOO_MANY_REQUESTS or refusal.code == "TOOMANYREQUESTS":
        pause_s = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
        return TooManyRequests(refusal.text, min(pause_s, _PAUSE_MAX_S))
    return RegistryRefused(refusal.text)


def _without_code(status: int, body: bytes) -> str:
    text = _clean(body.decode(errors="replace").strip())
    if status >= 500 or not text:
        try:
            return f"received unexpected HTTP status: {status} {HTTPStatus(status).phrase}"
        except ValueError:
            return f"received unexpected HTTP status: {status}"
    return f"unknown: {text}"


def _clean(text: str) -> str:
    """Return `text` short and without control characters: it comes from outside and ends on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:_TEXT_MAX])
