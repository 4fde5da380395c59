"""`container wait`, `wait`: until containers have ended, then print how."""

from __future__ import annotations

import json

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Parsed
from wharf.client import containers
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import WaitAnswer


def run(session: Session, parsed: Parsed) -> None:
    """Wait for each in turn."""

    def act(name: str) -> str:
        line = next(containers.wait(session.engine, name).lines(), b"")
        if not line:
            raise ClientError("unexpected EOF")
        answer: WaitAnswer = json.loads(line)
        if error := answer.get("Error"):
            raise ClientError(error["Message"])
        return str(answer["StatusCode"])

    for_each(parsed.arguments, act)


COMMAND = Command("CONTAINER [CONTAINER...]", run, least=1)
