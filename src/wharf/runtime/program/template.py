"""The command spec: a config.json to begin with."""

import json
import os

from wharf.errors import Conflict
from wharf.runtime.example import example
from wharf.runtime.program.flags import Flag, Parsed

FLAGS = {"bundle": Flag(short="b")}
UNSUPPORTED = {"rootless": Flag(takes_value=False)}


def command(_root: str, parsed: Parsed) -> int:
    """Write config.json into the bundle; raises Conflict when there is one."""
    path = os.path.join(parsed.last("bundle", "."), "config.json")
    try:
        with open(path, "x", encoding="utf-8") as file:
            json.dump(example(), file, indent="\t")
    except FileExistsError:
        raise Conflict(f"File {path} exists. Remove it first") from None
    return 0
