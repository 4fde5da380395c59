"""The table of this room's jobs, for the spawner. Nothing here needs an event loop."""

from wharf.content.archive import list_archive_job
from wharf.content.compress import compress_job
from wharf.content.init_layer import init_layer_job
from wharf.content.outcome import Job
from wharf.content.pack import pack_job
from wharf.content.trash import empty_trash_job
from wharf.content.unpack import unpack_job

JOBS: dict[str, Job] = {
    "content.compress": compress_job,
    "content.empty-trash": empty_trash_job,
    "content.init-layer": init_layer_job,
    "content.list-archive": list_archive_job,
    "content.pack": pack_job,
    "content.unpack": unpack_job,
}
