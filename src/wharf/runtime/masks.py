"""Paths of the container that are hidden, or read-only: `maskedPaths` and `readonlyPaths`.

A file is hidden under a bind of /dev/null, a directory under one empty read-only tmpfs that all share.
What does not exist is left out.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack

from wharf.failpoint import failpoint
from wharf.linux import mount
from wharf.linux.mount import MountAttr
from wharf.linux.rooted import Root
from wharf.runtime import devices
from wharf.runtime.errors import Refused, cause


def make_readonly(root: Root, paths: Sequence[str]) -> None:
    """Put a read-only bind of itself over each of `paths`."""
    failpoint("runtime.readonly-paths")
    for path in paths:
        try:
            target = root.open(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Refused(f"open {path}: {cause(error)}") from error
        try:
            tree = mount.clone_tree(target, recursive=True)
            try:
                mount.mount_setattr(tree, add=MountAttr.RDONLY)
                mount.attach(tree, target)
            finally:
                os.close(tree)
        except OSError as error:
            raise Refused(f'can\'t make "{path}" read-only: {cause(error)}') from error
        finally:
            os.close(target)


def hide(root: Root, paths: Sequence[str]) -> None:
    """Hide each of `paths`."""
    failpoint("runtime.masks")
    with ExitStack() as stack:
        null: tuple[int, int] | None = None
        empty = -1
        for path in paths:
            try:
                target = root.open(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise Refused(f'can\'t mask path "{path}": {cause(error)}') from error
            try:
                if not stat.S_ISDIR(os.fstat(target).st_mode):
                    if null is None:
                        null = devices.open_null(root)
                        stack.callback(os.close, null[0])
                    _cover(target, *null)
                elif empty >= 0:
                    _cover(target, empty, 0)
                else:
                    empty = _empty_directory()
                    stack.callback(os.close, empty)
                    # The first is attached itself: a mount that hangs nowhere cannot be cloned (before 6.15).
                    mount.attach(empty, target)
            except OSError as error:
                raise Refused(f'can\'t mask path "{path}": {cause(error)}') from error
            finally:
                os.close(target)


def _empty_directory() -> int:
    parameters: list[tuple[str, str | None]] = [("nr_inodes", "1"), ("size", "4k")]
    return mount.new_filesystem("tmpfs", "tmpfs", parameters, MountAttr.RDONLY, readonly=True)


def _cover(target: int, source: int, attributes: int) -> None:
    tree = mount.clone_tree(source, recursive=False)
    try:
        if attributes:
            mount.mount_setattr(tree, add=attributes)
        mount.attach(tree, target)
    finally:
        os.close(tree)
