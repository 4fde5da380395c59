"""A command line of runc's kind: flags first, then arguments, of which nothing more is read as a flag."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wharf.errors import InvalidParameter


class Flag(NamedTuple):
    """One flag: whether it takes a value, its one-letter name, and whether it may be given several times."""

    takes_value: bool = True
    short: str = ""


class Parsed(NamedTuple):
    """The values of each flag given, by its long name, in order; and the arguments."""

    values: dict[str, list[str]]
    arguments: list[str]

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of a flag."""
        return self.values.get(name, [default])[-1]

    def has(self, name: str) -> bool:
        """Return whether a flag without a value was given, and not as `--flag=false`."""
        return self.values.get(name, ["false"])[-1] != "false"


def parse(words: Sequence[str], flags: Mapping[str, Flag], unsupported: Mapping[str, Flag]) -> Parsed:
    """Read `words`; raises InvalidParameter for a flag that is unknown, or not done here."""
    known = {**flags, **unsupported}
    names = {flag.short: name for name, flag in known.items() if flag.short} | {name: name for name in known}
    values: dict[str, list[str]] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        given, equals, value = word.lstrip("-").partition("=")
        name = names.get(given)
        if name is None:
            raise InvalidParameter(f"flag provided but not defined: -{given}")
        if name in unsupported:
            raise InvalidParameter(f"flag --{name} is not supported by this runtime")
        if not known[name].takes_value:
            value = value if equals else "true"
        elif not equals:
            if not rest:
                raise InvalidParameter(f"flag needs an argument: -{given}")
            value = rest.pop(0)
        values.setdefault(name, []).append(value)
    return Parsed(values, rest)
