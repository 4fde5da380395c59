"""`container update`, `update`: change the limits and the restart policy of containers."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Kind, Parsed
from wharf.cli.kinds import BYTES, BYTES_OR_UNLIMITED, INT, STRING, UINT16
from wharf.cli.options import values
from wharf.cli.options.restart import restart_policy
from wharf.client import containers
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def _changes(parsed: Parsed) -> dict[str, object]:
    """Return the body of the request; what is zero stays as it is."""
    policy = parsed.text("restart")
    return {
        "BlkioWeight": parsed.number("blkio-weight"),
        "CpuPeriod": parsed.number("cpu-period"),
        "CpuQuota": parsed.number("cpu-quota"),
        "CpuRealtimePeriod": parsed.number("cpu-rt-period"),
        "CpuRealtimeRuntime": parsed.number("cpu-rt-runtime"),
        "CpuShares": parsed.number("cpu-shares"),
        "CpusetCpus": parsed.text("cpuset-cpus"),
        "CpusetMems": parsed.text("cpuset-mems"),
        "Memory": parsed.number("memory"),
        "MemoryReservation": parsed.number("memory-reservation"),
        "MemorySwap": parsed.number("memory-swap"),
        "NanoCpus": parsed.number("cpus"),
        "PidsLimit": parsed.number("pids-limit") or None,
        "RestartPolicy": restart_policy(policy) if policy else {},
    }


def run(session: Session, parsed: Parsed) -> None:
    """Change each, say its name; warnings and errors come at the end."""
    if not parsed.changed:
        raise CliError("you must provide one or more flags when using this command")
    changes = _changes(parsed)
    warnings: list[str] = []
    failures: list[str] = []
    for name in parsed.arguments:
        try:
            warnings += containers.update(session.engine, name, changes)
        except ClientError as error:
            failures.append(str(error))
        else:
            print(name)
    if warnings:
        session.warn("\n".join(warnings))
    if failures:
        raise CliError("\n".join(failures))


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(
        Flag(
            "blkio-weight",
            UINT16,
            "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
        ),
        Flag("cpu-period", INT, "Limit CPU CFS (Completely Fair Scheduler) period"),
        Flag("cpu-quota", INT, "Limit CPU CFS (Completely Fair Scheduler) quota"),
        Flag("cpu-rt-period", INT, "Limit the CPU real-time period in microseconds"),
        Flag("cpu-rt-runtime", INT, "Limit the CPU real-time runtime in microseconds"),
        Flag("cpu-shares", INT, "CPU shares (relative weight)", short="c"),
        Flag("cpus", Kind("decimal", values.cpus), "Number of CPUs"),
        Flag("cpuset-cpus", STRING, "CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", STRING, "MEMs in which to allow execution (0-3, 0,1)"),
        Flag("kernel-memory", BYTES, deprecated="and no longer supported by the kernel"),
        Flag("memory", BYTES, "Memory limit", short="m"),
        Flag("memory-reservation", BYTES, "Memory soft limit"),
        Flag(
            "memory-swap",
            BYTES_OR_UNLIMITED,
            "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
        ),
        Flag("pids-limit", INT, "Tune container pids limit (set -1 for unlimited)"),
        Flag("restart", STRING, "Restart policy to apply when a container exits"),
    ),
)
