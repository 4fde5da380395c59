"""The OCI runtime: a spec goes in, a container or a process in it comes out.

Promises: everything is undone when a step fails; nothing of a container is ever in the caller's mount table;
no program is executed but the container's own. The caller has one thread, is root, and reaps its children.
`create` and `exec_process` are for any caller; one that forks makers of its own takes `become` and
`become_process`.
Refuses, saying so: hooks, user and time namespaces, SELinux labels, scheduler and I/O priorities.
"""

from wharf.runtime.create import Init, become, create, practise
from wharf.runtime.errors import CreateFailed, ExecFailed
from wharf.runtime.exec import Execed, become_process, exec_process
from wharf.runtime.stdio import Stdio

__all__ = [
    "CreateFailed",
    "ExecFailed",
    "Execed",
    "Init",
    "Stdio",
    "become",
    "become_process",
    "create",
    "exec_process",
    "practise",
]
