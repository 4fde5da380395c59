"""A running container as the kernel has it: its cgroup and the processes in it.

The bundle names the cgroup: it was made by that name, whatever the settings of the engine that asks are now.
"""

import json

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.errors import NotRunning
from wharf.errors import Conflict
from wharf.linux.cgroup import Cgroup


def cgroup_of(context: Context, container: Container) -> Cgroup:
    """Return the cgroup of a container that runs; raises NotRunning."""
    try:
        with open(f"{context.paths.bundle(container.id)}/config.json", encoding="utf-8") as file:
            return Cgroup.load(json.load(file)["linux"]["cgroupsPath"])
    except (FileNotFoundError, json.JSONDecodeError):
        raise NotRunning(container.id) from None


def check_running(container: Container) -> None:
    """Raise where no process of the container is there to be looked at."""
    if container.condition.status is Status.RESTARTING:
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    if not container.is_alive:
        raise NotRunning(container.id)
