"""What the verbs of a container's life need of the rest of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass

from wharf.aio.supervisor import Supervisor
from wharf.content.layers import Layers
from wharf.engine.containers.container import Container
from wharf.engine.containers.exec_instance import Exec
from wharf.engine.containers.index import Index
from wharf.engine.events import Events
from wharf.engine.images.images import Images
from wharf.engine.logs.options import LogDefaults
from wharf.engine.paths import Paths
from wharf.network.networks import Networks
from wharf.spawner.client import Spawner
from wharf.state.database import Database
from wharf.volume.volumes import Volumes


@dataclass(frozen=True, slots=True)
class Context:
    """The friends that `daemon/` hands to the containers' room."""

    db: Database
    paths: Paths
    index: Index
    execs: dict[str, Exec]
    images: Images
    layers: Layers
    networks: Networks
    volumes: Volumes
    spawner: Spawner
    events: Events
    tasks: Supervisor
    log_defaults: LogDefaults
    cgroup_parent: str
    cgroup_mode: str
    available_capabilities: tuple[str, ...]

    def emit(self, container: Container, action: str, extra: Mapping[str, str] | None = None) -> None:
        """Tell the world what happened to a container, with the attributes Docker gives."""
        record = container.record
        attributes = {
            **(record.config.labels or {}),
            **(extra or {}),
            "image": record.image_ref,
            "name": record.name,
        }
        self.events.emit("container", action, record.id, attributes)
