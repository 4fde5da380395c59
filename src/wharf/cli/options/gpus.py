"""`--gpus`: a request for graphics processors."""

from __future__ import annotations

from wharf.cli.kinds import read_int
from wharf.cli.options.csv import csv_fields
from wharf.cli.options.values import pair


def parse_gpus(text: str) -> dict[str, object]:
    """Return a request for GPUs: `all`, a number, or `key=value` pairs."""
    request: dict[str, object] = {
        "Driver": "",
        "Count": 0,
        "DeviceIDs": None,
        "Capabilities": [["gpu"]],
        "Options": {},
    }
    seen: set[str] = set()
    for field in csv_fields(text):
        key, equals, value = field.partition("=")
        if key in seen:
            raise ValueError(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if not equals:
            seen.add("count")
            request["Count"] = _gpu_count(key)
        elif key == "driver":
            request["Driver"] = value
        elif key == "count":
            request["Count"] = _gpu_count(value)
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        elif key == "options":
            request["Options"] = dict(pair(option) for option in csv_fields(value))
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    if "count" not in seen and request["DeviceIDs"] is None:
        request["Count"] = 1
    return request


def _gpu_count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return read_int(text, -(1 << 63), (1 << 63) - 1, call="Atoi", base=10)
    except ValueError as error:
        reason = str(error).rpartition(": ")[2]
        raise ValueError(
            f'invalid count ({text}): value must be either "all" or an integer: {reason}'
        ) from None
