"""Health checks: how to probe, and what the probes found. Durations are nanoseconds, as in Go."""

from wharf.schema.struct import Struct, omit


class HealthConfig(Struct):
    """How a container is probed; an empty `test` inherits the image's, `["NONE"]` switches it off."""

    test: list[str] = omit([])
    interval: int = omit(0)
    timeout: int = omit(0)
    start_period: int = omit(0)
    start_interval: int = omit(0)
    retries: int = omit(0)


class HealthcheckResult(Struct):
    """One probe; `start` and `end` are RFC 3339."""

    start: str = ""
    end: str = ""
    exit_code: int = 0
    output: str = ""


class Health(Struct):
    """`starting`, `healthy` or `unhealthy`, failures in a row, and the last probes, oldest first."""

    status: str = ""
    failing_streak: int = 0
    log: list[HealthcheckResult] | None = None
