"""A command: what it takes, and what it does. Each file in `commands/` makes one, called COMMAND."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

UNLIMITED = -1


class Command:
    """One command.

    `usage` is what its usage line says after its name; `least` and `most` count its arguments. With
    `interspersed` off, the first argument ends the flags: what follows belongs to somebody else's program;
    with `passes_all`, everything does.
    """

    __slots__ = ("flags", "interspersed", "least", "long", "most", "passes_all", "run", "usage")

    def __init__(
        self,
        usage: str,
        run: Callable[[Session, Parsed], None],
        *,
        flags: Sequence[Flag] = (),
        least: int = 0,
        most: int = UNLIMITED,
        interspersed: bool = True,
        passes_all: bool = False,
        long: str = "",
    ) -> None:
        self.usage = usage
        self.run = run
        self.flags = flags
        self.least = least
        self.most = most
        self.interspersed = interspersed
        self.passes_all = passes_all
        self.long = long

    def usage_of(self, program: str, path: str) -> str:
        """Return the usage of the command when it is called by `path`."""
        return f"{program} {path} {self.usage}".rstrip().replace("{program}", program)

    def check_arguments(self, program: str, path: str, count: int) -> None:
        """Refuse a wrong number of arguments, in Docker's words."""
        least, most = self.least, self.most
        if count >= least and (most == UNLIMITED or count <= most):
            return
        see = "Run"
        if most == 0:
            needs = "accepts no arguments"
        elif most == least:
            needs = f"requires {least} {_arguments(least)}"
        elif most == UNLIMITED:
            needs = f"requires at least {least} {_arguments(least)}"
            see = "See"
        elif least == 0:
            needs = f"requires at most {most} {_arguments(most)}"
        else:
            needs = f"requires at least {least} and at most {most} {_arguments(most)}"
        name = f"{program} {path}"
        raise CliError(
            f"{program}: '{name}' {needs}\n\nUsage:  {self.usage_of(program, path)}"
            f"\n\n{see} '{name} --help' for more information"
        )


def _arguments(count: int) -> str:
    return "argument" if count == 1 else "arguments"


def for_each(names: Sequence[str], act: Callable[[str], str | None]) -> None:
    """Do `act` for each name and print what it returns; go on after an error, and end with all of them."""
    from wharf.client.errors import ClientError

    failures: list[str] = []
    for name in names:
        try:
            done = act(name)
        except ClientError as error:
            failures.append(str(error))
            continue
        if done is not None:
            print(done)
    if failures:
        raise CliError("\n".join(failures))
