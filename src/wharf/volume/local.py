"""The options of the driver `local`: what is mounted in place of a volume's own folder; pure.

`type`, `o` and `device` are mount(8)'s: `type=nfs o=addr=10.0.0.1,rw device=:/share`. Of a bind and of what
has a device or a server, every container makes a mount of its own, in its own mount namespace: they all lead
to one file system. What would be another file system at each mount (tmpfs) has to be mounted once, on the
host, while a container runs with it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from wharf.errors import InvalidParameter
from wharf.linux.mount import MountFlag

_KNOWN = ("type", "o", "device", "size")
_NEEDS = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
_NEW_AT_EACH_MOUNT = frozenset({"tmpfs", "ramfs", "overlay", "fuse"})
_NETWORK = frozenset({"nfs", "nfs4", "cifs"})
_FLAGS = {
    "ro": MountFlag.RDONLY,
    "nosuid": MountFlag.NOSUID,
    "nodev": MountFlag.NODEV,
    "noexec": MountFlag.NOEXEC,
    "sync": MountFlag.SYNCHRONOUS,
    "dirsync": MountFlag.DIRSYNC,
    "mand": MountFlag.MANDLOCK,
    "noatime": MountFlag.NOATIME,
    "nodiratime": MountFlag.NODIRATIME,
    "relatime": MountFlag.RELATIME,
    "strictatime": MountFlag.STRICTATIME,
    "bind": MountFlag.BIND,
    "rbind": MountFlag.BIND | MountFlag.REC,
}
_WITHOUT_EFFECT = frozenset({"defaults", "rw", "suid", "dev", "exec", "async", "atime", "diratime", "loud"})


class Local(NamedTuple):
    """What `device` and the rest come to; `words` are the options that `flags` (MountFlag) come of.

    `data` is the file system's.
    """

    type: str
    device: str
    words: tuple[str, ...]
    flags: int
    data: tuple[str, ...]

    @property
    def is_bind(self) -> bool:
        """Whether it shows a folder that is there already."""
        return bool(self.flags & MountFlag.BIND)

    @property
    def is_shared(self) -> bool:
        """Whether it is mounted once, on the host, for all containers."""
        return not self.is_bind and self.type.partition(".")[0] in _NEW_AT_EACH_MOUNT

    @property
    def host_name(self) -> str:
        """The server's name, where one has to be looked up before the kernel takes it as an address."""
        if self.type not in _NETWORK:
            return ""
        named = next((word for word in self.data if word.startswith("addr=")), "")
        address = named.removeprefix("addr=")
        return "" if address.replace(".", "").isdigit() or ":" in address else address

    def at(self, address: str) -> "Local":
        """Return it with the server's address in place of its name."""
        return self._replace(
            data=tuple(f"addr={address}" if word.startswith("addr=") else word for word in self.data)
        )

    def failure(self, mountpoint: str) -> str:
        """Return Docker's words for a mount of it that failed, but for the reason; a password is hidden."""
        words = f"mount {self.device}:{mountpoint}"
        if self.flags:
            words += f", flags: {self.flags:#x}"
        if self.data:
            shown = ("password=********" if word.startswith("password=") else word for word in self.data)
            words += f", data: {','.join(shown)}"
        return f"error while mounting volume '{mountpoint}': failed to mount local volume: {words}"


def check(name: str, options: Mapping[str, str]) -> None:
    """Refuse options that do not go together, in Docker's words."""
    for option in sorted(options):
        if option not in _KNOWN:
            raise InvalidParameter(f'create {name}: invalid option: "{option}"')
    if "size" in options:
        raise InvalidParameter(f"create {name}: quota size requested but no quota support")
    for option, needed in _NEEDS.items():
        for other in needed if option in options else ():
            if other not in options:
                raise InvalidParameter(f'create {name}: missing required option: "{other}"')


def read(options: Mapping[str, str] | None) -> Local | None:
    """Return what is mounted, or None for a plain folder."""
    if not options or not options.get("device"):
        return None
    flags = 0
    words = []
    data = []
    for word in filter(None, options.get("o", "").split(",")):
        if word in _FLAGS:
            flags |= _FLAGS[word]
            words.append(word)
        elif word not in _WITHOUT_EFFECT:
            data.append(word)
    return Local(options.get("type", ""), options["device"], tuple(words), flags, tuple(data))
