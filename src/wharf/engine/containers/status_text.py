"""The words `docker ps` shows: `Up 5 seconds (Paused)`, `Exited (0) 3 minutes ago`."""

from wharf.engine.containers.record import Condition, Status

_SECOND = 1_000_000_000


def human_duration(seconds: float) -> str:
    """Return a duration as Docker words it, in its one largest unit."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


def status_text(condition: Condition, status: Status, now: int) -> str:
    """Return the status line of a container; `now` in nanoseconds of the wall clock."""

    def since(moment: int) -> str:
        return human_duration((now - moment) / _SECOND)

    match status:
        case Status.RUNNING:
            return f"Up {since(condition.started_at)}"
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
