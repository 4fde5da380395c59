"""What `--security-opt` says, read once for all who ask."""

from typing import NamedTuple

from wharf.errors import Internal
from wharf.schema.host_config import HostConfig

UNCONFINED = "unconfined"

_TRUTHS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)
"""What Go's strconv.ParseBool reads."""


class Security(NamedTuple):
    """The security options of a container; None where the engine's default holds.

    `seccomp` is a profile's document, `unconfined` or `builtin`. Labels are SELinux's, which this engine does
    not use: they are accepted, as by Docker where SELinux is off.
    """

    apparmor: str | None = None
    seccomp: str | None = None
    no_new_privileges: bool = False
    writable_cgroups: bool | None = None


def names_label(options: list[str]) -> bool:
    """Tell whether the options say something of SELinux's labels."""
    return any(option.partition("=")[0] == "label" for option in options)


def read(host: HostConfig) -> Security:
    """Return what the options of `host` come to; raises Internal, as dockerd answers these with 500."""
    found = Security()
    for option in host.security_opt or ():
        if option == "disable":
            continue
        if option == "no-new-privileges":
            found = found._replace(no_new_privileges=True)
            continue
        if option == "writable-cgroups":
            found = found._replace(writable_cgroups=True)
            continue
        name, separator, value = option.partition("=" if "=" in option else ":")
        if not separator:
            raise Internal(f'invalid --security-opt 1: "{option}"')
        match name:
            case "label":
                continue
            case "apparmor":
                found = found._replace(apparmor=value)
            case "seccomp":
                found = found._replace(seccomp=value)
            case "no-new-privileges" if value in _TRUTHS:
                found = found._replace(no_new_privileges=_TRUTHS[value])
            case "writable-cgroups" if value in _TRUTHS:
                found = found._replace(writable_cgroups=_TRUTHS[value])
            case _:
                raise Internal(f'invalid --security-opt 2: "{option}"')
    return found
