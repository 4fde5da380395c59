"""Health checks as the engine sees them: what is asked for, what the shim is told, what the shim tells.

The probes are the shim's (`shim/health.py`). Their results are kept in the condition, and become durable with
its next change only: what was found lately is worth nothing after a crash of the host.
"""

import json

import msgspec

from wharf.engine.containers import execs
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Condition, HealthCondition, Probe, Record
from wharf.errors import InvalidParameter
from wharf.runtime.spec import Process
from wharf.schema.container import ContainerConfig
from wharf.schema.exec_ import ExecConfig
from wharf.schema.health import Health, HealthcheckResult, HealthConfig
from wharf.schema.timestamp import rfc3339
from wharf.shim.health import HEALTH, KEPT
from wharf.shim.protocol import HealthRules

STATUSES = ("none", "starting", "healthy", "unhealthy")
"""In the order Docker names them."""

_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_INTERVAL, _TIMEOUT, _START_INTERVAL, _RETRIES = 30 * _SECOND, 30 * _SECOND, 5 * _SECOND, 3
_SHELL = ["/bin/sh", "-c"]
_DURATIONS = ("interval", "timeout", "start_period", "start_interval")
_INHERITED = ("test", *_DURATIONS, "retries")


def merged(wanted: HealthConfig | None, image: HealthConfig | None) -> HealthConfig | None:
    """Return a user's check, with what was left open taken from the image's."""
    if wanted is None or image is None:
        return wanted or image
    missing = {name: getattr(image, name) for name in _INHERITED if not getattr(wanted, name)}
    return msgspec.structs.replace(wanted, **missing)


def check(config: HealthConfig | None) -> None:
    """Refuse what a check may not say, in Docker's words."""
    if config is None:
        return
    for name, word in zip(_DURATIONS, ("Interval", "Timeout", "StartPeriod", "StartInterval"), strict=True):
        if name == "start_period" and config.retries < 0:
            raise InvalidParameter("Retries in Healthcheck cannot be negative")
        if (value := getattr(config, name)) and value < _MILLISECOND:
            raise InvalidParameter(f"{word} in Healthcheck cannot be less than 1ms")


def command(config: ContainerConfig) -> list[str] | None:
    """Return the arguments of the check, None where there is none (or of a kind nobody knows)."""
    kind, *words = (config.healthcheck and config.healthcheck.test) or ("NONE",)
    match kind:
        case "CMD":
            return words
        case "CMD-SHELL":
            return [*(config.shell or _SHELL), *words]
        case _:
            return None


def for_shim(context: Context, record: Record) -> tuple[HealthRules, Process] | None:
    """Return the rules and the process of a container's check, with Docker's defaults."""
    words, asked = command(record.config), record.config.healthcheck
    if words is None or asked is None:
        return None
    timeout = asked.timeout or _TIMEOUT
    rules: HealthRules = {
        "interval": asked.interval or _INTERVAL,
        "timeout": timeout,
        "timeout_text": go_duration(timeout),
        "start_period": asked.start_period,
        "start_interval": asked.start_interval or _START_INTERVAL,
        "retries": asked.retries or _RETRIES,
    }
    return rules, execs.process_of(context, record, ExecConfig(cmd=words), None)


def go_duration(nanoseconds: int) -> str:
    """Return a duration of 1 ms or more as Go writes it: `1m30s`, `1.5s`, `500ms`."""
    if nanoseconds < _SECOND:
        return f"{_decimal(nanoseconds, _MILLISECOND)}ms"
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    return f"{whole}.{str(unit + rest)[1:]}".rstrip("0").rstrip(".") if rest else str(whole)


# What becomes of it.


def begun(container: Container) -> HealthCondition | None:
    """Return the health of a container that has just been started: results of earlier runs are kept."""
    if command(container.record.config) is None:
        return None
    before = container.condition.health
    return HealthCondition(status="starting", log=before.log if before else [])


def unwell(condition: Condition) -> HealthCondition | None:
    """Return the health of a container that does not run (any more): nobody can say that it is well."""
    return condition.health and msgspec.structs.replace(condition.health, status="unhealthy")


def adopted(container: Container, path: str) -> HealthCondition | None:
    """Return what the shim found while nobody listened, from its bundle at `path`, and what was known before.

    A shim that was started before there were checks, or has found nothing yet, leaves things as they are.
    """
    known = container.condition.health or begun(container)
    try:
        with open(f"{path}/{HEALTH}", encoding="ascii") as file:
            found = msgspec.convert(json.load(file), HealthCondition)
    except (FileNotFoundError, ValueError):
        return known
    by_start = {probe.start: probe for probe in (*(known.log if known else ()), *found.log)}
    return msgspec.structs.replace(found, log=[by_start[start] for start in sorted(by_start)][-KEPT:])


def hear(context: Context, container: Container, message: dict[str, object]) -> None:
    """Take the shim's word that a probe began or ended."""
    attributes = {"execID": str(message.get("exec"))}
    if message["event"] == "probe":
        program, *arguments = command(container.record.config) or ("",)
        title = f"{program} {' '.join(arguments)}"
        context.emit(container, f"exec_create: {title}", attributes)
        context.emit(container, f"exec_start: {title}", attributes)
        return
    if (status := message.get("status")) is not None:
        context.emit(container, "exec_die", {**attributes, "exitCode": str(status)})
    before = container.condition.health
    probe = msgspec.convert(message["result"], Probe)
    now = msgspec.convert({"status": message["health"], "streak": message["streak"]}, HealthCondition)
    log = [*(before.log if before else ()), probe][-KEPT:]
    container.condition = container.with_condition(health=msgspec.structs.replace(now, log=log))
    if message.get("changed"):
        context.emit(container, f"health_status: {now.status}")


def shown(condition: Condition) -> Health | None:
    """Return what inspect shows."""
    health = condition.health
    if health is None:
        return None
    log = [
        HealthcheckResult(
            start=rfc3339(probe.start),
            end=rfc3339(probe.end),
            exit_code=probe.exit_code,
            output=probe.output,
        )
        for probe in health.log
    ]
    return Health(status=health.status, failing_streak=health.streak, log=log)


def check_status(value: str) -> None:
    """Refuse a value that the filter `health` does not know."""
    if value not in STATUSES:
        raise InvalidParameter(
            f"invalid filter 'health={value}': invalid value for health ({value}): "
            f"must be one of {', '.join(STATUSES)}"
        )


def matches(condition: Condition, value: str) -> bool:
    """Return whether a container passes the filter `health`."""
    return value == (condition.health.status if condition.health else "none")
