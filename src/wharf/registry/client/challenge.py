"""`WWW-Authenticate`: what a registry wants to see (RFC 9110, section 11; distribution token specification).

Pure.
"""

import re
from typing import NamedTuple

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s+|$)", re.ASCII)
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)
_HEADER_MAX = 8192


class Challenge(NamedTuple):
    """One way to authenticate: `basic` or `bearer`, with its parameters."""

    scheme: str
    parameters: dict[str, str]


def parse(header: str) -> list[Challenge]:
    """Return the challenges of one header's value; what cannot be read ends the list."""
    challenges: list[Challenge] = []
    at = 0
    while at < min(len(header), _HEADER_MAX) and (scheme := _SCHEME.match(header, at)) is not None:
        at = scheme.end()
        parameters: dict[str, str] = {}
        while (found := _PARAMETER.match(header, at)) is not None:
            quoted = found[2]
            parameters[found[1].lower()] = found[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            at = found.end()
        challenges.append(Challenge(scheme[1].lower(), parameters))
    return challenges
