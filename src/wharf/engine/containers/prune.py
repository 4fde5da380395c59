"""`prune`: every container that does not run is removed."""

import logging
from collections.abc import Mapping

from wharf.engine import prune_filters
from wharf.engine.containers import remove
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.containers.sizes import measure
from wharf.errors import Conflict, EngineError
from wharf.schema.container import ContainersPruneReport
from wharf.schema.filters import Filters

_log = logging.getLogger(__name__)


class Pruner:
    """Removes what is not used; one request at a time, as in Docker."""

    def __init__(self) -> None:
        self._is_pruning = False

    async def prune(self, context: Context, filters: Filters) -> ContainersPruneReport:
        """Remove the containers that do not run and that `filters` choose."""
        if self._is_pruning:
            raise Conflict("a prune operation is already running")
        self._is_pruning = True
        try:
            return await _prune(context, filters)
        finally:
            self._is_pruning = False


async def _prune(context: Context, filters: Filters) -> ContainersPruneReport:
    filters.check(prune_filters.KEYS)
    until = prune_filters.until(filters)
    deleted: list[str] = []
    reclaimed = 0
    for container in list(context.index):
        record = container.record
        if not _is_unused(container) or (until is not None and record.created > until):
            continue
        if not prune_filters.chooses_labels(filters, record.config.labels):
            continue
        try:
            size = (await measure(context, container)).writable
            await remove.remove(context, container, force=False, volumes=False)
        except (EngineError, OSError) as error:  # started, or removed, meanwhile: it is not for us any more
            _log.warning("cannot prune container %s: %s", record.short_id, error)
            continue
        deleted.append(container.id)
        reclaimed += size
    report = ContainersPruneReport(containers_deleted=deleted or None, space_reclaimed=reclaimed)
    attributes: Mapping[str, str] = {"reclaimed": str(reclaimed)}
    context.events.emit("container", "prune", "", attributes)
    return report


def _is_unused(container: Container) -> bool:
    return not container.is_alive and container.condition.status is not Status.RESTARTING
