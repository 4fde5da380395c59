"""The words `docker ps` shows: `Up 5 seconds (Paused)`, `Exited (0) 3 minutes ago`."""

from wharf.duration import human_duration
from wharf.engine.containers.record import Condition, Status

_SECOND = 1_000_000_000
_HEALTH = {"starting": " (health: starting)", "healthy": " (healthy)", "unhealthy": " (unhealthy)"}


def status_text(condition: Condition, status: Status, now: int) -> str:
    """Return the status line of a container; `now` in nanoseconds of the wall clock."""

    def since(moment: int) -> str:
        return human_duration((now - moment) / _SECOND)

    health = condition.health.status if condition.health else ""
    match status:
        case Status.RUNNING:
            return f"Up {since(condition.started_at)}{_HEALTH.get(health, '')}"
        case Status.PAUSED:
            return f"Up {since(condition.started_at)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({condition.exit_code}) {since(condition.finished_at)} ago"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case Status.CREATED:
            return "Created"
        case Status.EXITED:
            return f"Exited ({condition.exit_code}) {since(condition.finished_at)} ago"
