"""Flags of a command line, by the rules of the parser that Docker uses (pflag), driven by tables.

`--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, clusters of switches (`-it`),
`--switch=false`; flags and arguments may be mixed unless the command says that the first argument ends the
flags; `--` ends them always. How a value is read is said by the flag's Kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wharf.cli.errors import WrongFlags


class Kind:
    """How the text of a flag becomes a value; `parse` raises ValueError with Docker's words.

    `word` stands for the value in the help, `many` says that each use adds to a list, `shown_empty` is what
    the help calls the default where it is empty.
    """

    __slots__ = ("many", "parse", "shown_empty", "word")

    def __init__(
        self, word: str, parse: Callable[[str], object], *, many: bool = False, shown_empty: str = ""
    ) -> None:
        self.word = word
        self.parse = parse
        self.many = many
        self.shown_empty = shown_empty

    @property
    def is_switch(self) -> bool:
        """Whether the flag may stand alone."""
        return not self.word


class Flag:
    """One flag. `same_as` names the flag that this one is another, hidden name of.

    `deprecated` says what to use instead; such a flag is hidden too.
    """

    __slots__ = ("default", "deprecated", "help", "hidden", "kind", "name", "same_as", "short")

    def __init__(
        self,
        name: str,
        kind: Kind,
        text: str = "",
        *,
        short: str = "",
        default: object = None,
        hidden: bool = False,
        same_as: str = "",
        deprecated: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = text
        self.short = short
        self.default = default
        self.hidden = hidden or bool(same_as or deprecated)
        self.deprecated = deprecated
        self.same_as = same_as

    @property
    def title(self) -> str:
        """The flag as error messages name it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


class Parsed:
    """What a command line said: values by flag name, the arguments, and notices to print about flags."""

    __slots__ = ("_values", "arguments", "changed", "notices")

    def __init__(self, flags: Sequence[Flag]) -> None:
        self._values: dict[str, object] = {}
        for flag in flags:
            if not flag.same_as:
                self._values[flag.name] = [] if flag.kind.many else flag.default
        self.arguments: list[str] = []
        self.changed: set[str] = set()
        self.notices: list[str] = []

    def set(self, flag: Flag, text: str) -> None:
        """Take `text` as a value of `flag`."""
        try:
            value = flag.kind.parse(text)
        except ValueError as error:
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            raise WrongFlags(f'invalid argument "{quoted}" for "{flag.title}" flag: {error}') from None
        name = flag.same_as or flag.name
        if flag.deprecated:
            self.notices.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")
        if flag.kind.many:
            values = self._values[name]
            assert isinstance(values, list)
            values.append(value)
        else:
            self._values[name] = value
        self.changed.add(name)

    def text(self, name: str) -> str:
        """Return the value of a flag that takes one text; empty if it was not given."""
        value = self._values[name]
        return "" if value is None else str(value)

    def number(self, name: str) -> int:
        """Return the value of a flag that takes a number; 0 if it was not given and has no default."""
        value = self._values[name]
        assert value is None or isinstance(value, int)
        return value or 0

    def on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return bool(self._values[name])

    def texts(self, name: str) -> list[str]:
        """Return the values of a flag that may be repeated."""
        return [str(value) for value in self.items(name)]

    def items(self, name: str) -> list[object]:
        """Return the values of a flag that may be repeated, as its kind made them."""
        values = self._values[name]
        assert isinstance(values, list)
        return values

    def pairs(self, name: str) -> dict[str, list[str]]:
        """Return the values of a filter flag, by filter name."""
        gathered: dict[str, list[str]] = {}
        for item in self.items(name):
            assert isinstance(item, tuple)
            if item:
                gathered.setdefault(item[0], []).append(item[1])
        return gathered


def parse(flags: Sequence[Flag], words: Sequence[str], *, interspersed: bool = True) -> Parsed:
    """Read `words`.

    Raises:
        WrongFlags: with the parser's own words; what command it was is for the caller to add.
    """
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in flags if flag.short}
    parsed = Parsed(flags)
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "--":
            parsed.arguments.extend(reversed(rest))
            break
        if len(word) < 2 or not word.startswith("-"):
            parsed.arguments.append(word)
            if not interspersed:
                parsed.arguments.extend(reversed(rest))
                break
        elif word.startswith("--"):
            _long(by_name, parsed, word, rest)
        else:
            _short(by_short, parsed, word, rest)
    return parsed


def _long(by_name: dict[str, Flag], parsed: Parsed, word: str, rest: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise WrongFlags(f"bad flag syntax: {word}")
    flag = by_name.get(name)
    if flag is None:
        raise WrongFlags(f"unknown flag: --{name}")
    if equals:
        parsed.set(flag, value)
    elif flag.kind.is_switch:
        parsed.set(flag, "true")
    elif rest:
        parsed.set(flag, rest.pop())
    else:
        raise WrongFlags(f"flag needs an argument: {word}")


def _short(by_short: dict[str, Flag], parsed: Parsed, word: str, rest: list[str]) -> None:
    cluster = word[1:]
    while cluster:
        flag = by_short.get(cluster[0])
        if flag is None:
            raise WrongFlags(f"unknown shorthand flag: '{cluster[0]}' in -{cluster}")
        if flag.name == "help":
            parsed.notices.append("Flag shorthand -h has been deprecated, use --help")
        following = cluster[1:]
        if len(following) > 1 and following[0] == "=":
            parsed.set(flag, following[1:])
            return
        if flag.kind.is_switch:
            parsed.set(flag, "true")
            cluster = following
            continue
        if following:
            parsed.set(flag, following)
        elif rest:
            parsed.set(flag, rest.pop())
        else:
            raise WrongFlags(f"flag needs an argument: '{cluster[0]}' in -{cluster}")
        return
