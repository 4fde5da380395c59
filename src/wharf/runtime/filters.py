"""Seccomp filters, compiled once per profile and process: it takes as long as the rest of a start.

The spawner compiles the usual profile before it forks, so that every container finds it done.
"""

import functools
import json
from typing import NamedTuple

from wharf.linux import seccomp
from wharf.runtime.errors import Refused
from wharf.runtime.spec import LinuxSeccomp, Spec

_REMEMBERED = 32


class Filter(NamedTuple):
    """A compiled seccomp filter, and the flags to load it with."""

    program: bytes
    flags: int


def filter_of(spec: Spec) -> Filter | None:
    """Return the seccomp filter of `spec`, None when it has none; raises Refused."""
    profile = spec.get("linux", {}).get("seccomp")
    return compile_profile(profile) if profile else None


def compile_profile(profile: LinuxSeccomp) -> Filter:
    """Return the filter for `profile`, compiled unless this process has done so before; raises Refused."""
    return _compile(json.dumps(profile, separators=(",", ":")))


@functools.lru_cache(maxsize=_REMEMBERED)
def _compile(text: str) -> Filter:
    profile: LinuxSeccomp = json.loads(text)
    try:
        flags = seccomp.filter_flags(profile)
        if flags & seccomp.NEW_LISTENER:
            raise Refused("unable to init seccomp: SCMP_ACT_NOTIFY is not supported")
        return Filter(seccomp.compile_filter(profile), flags)
    except OSError as error:
        raise Refused(f"unable to init seccomp: {error.strerror}") from error
