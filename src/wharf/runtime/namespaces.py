"""Which namespaces a spec asks for."""

import os
from contextlib import ExitStack
from typing import NamedTuple

from wharf.linux.clone import CloneFlag
from wharf.runtime.errors import CannotInvoke
from wharf.runtime.spec import NamespaceType, Spec

FLAGS: dict[NamespaceType, CloneFlag] = {
    "user": CloneFlag.NEWUSER,
    "mount": CloneFlag.NEWNS,
    "pid": CloneFlag.NEWPID,
    "network": CloneFlag.NEWNET,
    "uts": CloneFlag.NEWUTS,
    "ipc": CloneFlag.NEWIPC,
    "cgroup": CloneFlag.NEWCGROUP,
    "time": CloneFlag.NEWTIME,
}


class Namespaces(NamedTuple):
    """CloneFlag masks of what is new, and paths of what is joined, by flag."""

    new: int
    joined: dict[int, str]

    @property
    def at_clone(self) -> int:
        """What clone3(2) makes; the cgroup namespace starts where its maker is, and so is made later."""
        return self.new & ~CloneFlag.NEWCGROUP

    @property
    def own(self) -> int:
        """Everything the container does not share with its caller."""
        mask = self.new
        for flag in self.joined:
            mask |= flag
        return mask

    @classmethod
    def of(cls, spec: Spec) -> "Namespaces":
        """Return what `spec` asks for; raises CannotInvoke for what is malformed or not supported."""
        new, joined = 0, {}
        for namespace in spec.get("linux", {}).get("namespaces") or ():
            flag = FLAGS.get(namespace["type"])
            if flag is None:
                raise CannotInvoke(f"invalid namespace type {namespace['type']!r}")
            if new & flag or flag in joined:
                raise CannotInvoke(f"malformed spec file: duplicated ns {namespace['type']!r}")
            if path := namespace.get("path"):
                joined[int(flag)] = path
            else:
                new |= flag
        if not new & CloneFlag.NEWNS:
            raise CannotInvoke("a mount namespace of the container's own is required")
        if (new | sum(joined)) & (CloneFlag.NEWUSER | CloneFlag.NEWTIME):
            raise CannotInvoke("user and time namespaces are not supported")
        return cls(new, joined)

    def open_joined(self, stack: ExitStack) -> dict[int, int]:
        """Open the namespaces to join, by flag; `stack` closes them. Raises CannotInvoke."""
        opened: dict[int, int] = {}
        for flag, path in self.joined.items():
            try:
                opened[flag] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise CannotInvoke(f"lstat {path}: {os.strerror(error.errno or 0).lower()}") from error
            stack.callback(os.close, opened[flag])
        return opened
