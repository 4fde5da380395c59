"""Restart policies as users ask for them. A container's shim keeps to them (`shim/restart.py`)."""

from wharf.engine.containers.container import Container
from wharf.errors import InvalidParameter
from wharf.schema.host_config import RestartPolicy
from wharf.shim.restart import NAMES, wants_restart


def check(policy: RestartPolicy) -> None:
    """Refuse a policy that cannot be, in Docker's words."""
    name, maximum = policy.name, policy.maximum_retry_count
    if name not in NAMES:
        raise InvalidParameter(
            f"invalid restart policy: unknown policy '{name}'; use one of 'no', 'always', 'on-failure', "
            "or 'unless-stopped'"
        )
    if name == "on-failure" and maximum < 0:
        raise InvalidParameter("invalid restart policy: maximum retry count cannot be negative")
    if name != "on-failure" and maximum:
        also = " and cannot be negative" if maximum < 0 else ""
        raise InvalidParameter(
            f"invalid restart policy: maximum retry count can only be used with 'on-failure'{also}"
        )


def has_policy(container: Container) -> bool:
    """Return whether a container is ever started again."""
    return container.record.host_config.restart_policy.name not in {"", "no"}


def is_due(container: Container) -> bool:
    """Return whether the policy starts a container that ran before, and that nobody else starts again."""
    policy, condition = container.record.host_config.restart_policy, container.condition
    return (
        not (container.is_alive or container.is_being_removed)
        and condition.started_at > 0
        and wants_restart(
            policy.name,
            policy.maximum_retry_count,
            status=condition.exit_code,
            count=condition.restart_count,
            is_stopped_by_hand=condition.stopped_by_user,
        )
    )
