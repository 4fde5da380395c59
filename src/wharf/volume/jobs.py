"""The table of this room's jobs, for the spawner. Nothing here needs an event loop."""

from wharf.content.outcome import Job
from wharf.volume import copy_up, measure

JOBS: dict[str, Job] = {
    copy_up.NAME: copy_up.copy_up_job,
    measure.NAME: measure.measure_job,
}
