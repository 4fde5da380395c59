"""The table of this room's jobs, for the spawner. Nothing here needs an event loop."""

from wharf.content.archive import list_archive_job
from wharf.content.compress import compress_job
from wharf.content.copy_in import copy_in_job
from wharf.content.copy_out import copy_out_job, stat_path_job
from wharf.content.difference import difference_job
from wharf.content.init_layer import init_layer_job
from wharf.content.outcome import Job
from wharf.content.pack import pack_job
from wharf.content.trash import empty_trash_job
from wharf.content.unpack import unpack_job

JOBS: dict[str, Job] = {
    "content.compress": compress_job,
    "content.copy-in": copy_in_job,
    "content.copy-out": copy_out_job,
    "content.difference": difference_job,
    "content.empty-trash": empty_trash_job,
    "content.init-layer": init_layer_job,
    "content.list-archive": list_archive_job,
    "content.pack": pack_job,
    "content.stat-path": stat_path_job,
    "content.unpack": unpack_job,
}
