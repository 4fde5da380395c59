"""A template's text cut into literal text and the tokens of its actions."""

from __future__ import annotations

from wharf.template.errors import TemplateError

_SPACE = " \t\r\n"
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Token:
    """One token: `kind` is text, word, field, variable, string, number, char, or the punctuation itself."""

    __slots__ = ("at", "kind", "spaced", "text", "value")

    def __init__(self, kind: str, text: str, at: int, value: object = None, *, spaced: bool = False) -> None:
        self.kind = kind
        self.text = text
        self.at = at
        self.value = value
        self.spaced = spaced
        """Whether white space stands before it: `.A .B` are two fields, `.A.B` is one."""


def place(source: str, at: int) -> str:
    """Return `:line:column` of a position, as Go's messages have it for a template without a name."""
    return f":{source.count(chr(10), 0, at) + 1}:{at - (source.rfind(chr(10), 0, at) + 1)}"


def fail(source: str, at: int, problem: str) -> TemplateError:
    """Return the error of a template that cannot be read."""
    return TemplateError(f"template: :{source.count(chr(10), 0, at) + 1}: {problem}")


def tokens(source: str) -> list[Token]:
    """Return the tokens of `source`; each action's begin with `{{` and end with `}}`.

    Raises:
        TemplateError: it is no template.
    """
    found: list[Token] = []
    at = 0
    trim_next = False
    while True:
        start = source.find("{{", at)
        text = source[at:] if start < 0 else source[at:start]
        if trim_next:
            text = text.lstrip(_SPACE)
        trims = (
            start >= 0
            and source[start + 2 : start + 3] == "-"
            and source[start + 3 : start + 4] in (*_SPACE,)
        )
        if trims:
            text = text.rstrip(_SPACE)
        if text:
            found.append(Token("text", text, at))
        if start < 0:
            return found
        inside = start + (3 if trims else 2)
        if source[inside:].lstrip(_SPACE).startswith("/*"):
            at, trim_next = _comment(source, start)
            continue
        found.append(Token("{{", "{{", start))
        at, trim_next = _action(source, inside, found)


def _comment(source: str, start: int) -> tuple[int, bool]:
    end = source.find("*/", start)
    if end < 0:
        raise fail(source, start, "unclosed comment")
    for closing, trims in (("}}", False), (" -}}", True)):
        if source.startswith(closing, end + 2):
            return end + 2 + len(closing), trims
    raise fail(source, start, "comment ends before closing delimiter")


def _action(source: str, at: int, found: list[Token]) -> tuple[int, bool]:
    spaced = False
    while True:
        if at >= len(source):
            raise fail(source, at, "unclosed action")
        if source.startswith("}}", at):
            found.append(Token("}}", "}}", at))
            return at + 2, False
        character = source[at]
        if character in _SPACE:
            if source.startswith("-}}", at + 1):
                found.append(Token("}}", "}}", at + 1))
                return at + 4, True
            spaced = True
            at += 1
            continue
        token, at = _token(source, at)
        token.spaced = spaced
        spaced = False
        found.append(token)


def _token(source: str, at: int) -> tuple[Token, int]:
    character = source[at]
    following = source[at + 1 : at + 2]
    if character in '"`':
        return _string(source, at)
    if character == "'":
        return _char(source, at)
    if character == "." and not following.isdigit():
        end = _word_end(source, at + 1)
        return Token("field" if end > at + 1 else ".", source[at:end], at), end
    if character == "$":
        end = _word_end(source, at + 1)
        return Token("variable", source[at:end], at), end
    if character.isdigit() or (character in "+-." and following.isdigit()):
        return _number(source, at)
    if character in _WORD:
        end = _word_end(source, at)
        return Token("word", source[at:end], at), end
    if source.startswith(":=", at):
        return Token(":=", ":=", at), at + 2
    if character in "()|,=":
        return Token(character, character, at), at + 1
    raise fail(
        source,
        at,
        f"unexpected {_shown(character)} in operand"
        if character in "{}"
        else (f"unrecognized character in action: U+{ord(character):04X} {_shown(character)}"),
    )


def _shown(character: str) -> str:
    return f"'{character}'" if character not in "{}" else f'"{character}"'


def _word_end(source: str, at: int) -> int:
    while at < len(source) and source[at] in _WORD:
        at += 1
    return at


def _number(source: str, at: int) -> tuple[Token, int]:
    end = at + 1
    while end < len(source) and (source[end] in _WORD or source[end] in ".+-"):
        if source[end] in "+-" and source[end - 1] not in "eE":
            break
        end += 1
    text = source[at:end]
    try:
        value: int | float = int(text, 0)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            raise fail(source, at, f'bad number syntax: "{text}"') from None
    return Token("number", text, at, value), end


def _string(source: str, at: int) -> tuple[Token, int]:
    quote = source[at]
    if quote == "`":
        end = source.find("`", at + 1)
        if end < 0:
            raise fail(source, at, "unterminated raw quoted string")
        return Token("string", source[at : end + 1], at, source[at + 1 : end]), end + 1
    end = at + 1
    while end < len(source) and source[end] != '"':
        if source[end] == "\n":
            break
        end += 2 if source[end] == "\\" else 1
    if end >= len(source) or source[end] != '"':
        raise fail(source, at, "unterminated quoted string")
    return Token("string", source[at : end + 1], at, unescape(source[at + 1 : end])), end + 1


def _char(source: str, at: int) -> tuple[Token, int]:
    end = at + 1
    while end < len(source) and source[end] != "'":
        end += 2 if source[end] == "\\" else 1
    value = unescape(source[at + 1 : end])
    if end >= len(source) or len(value) != 1:
        raise fail(source, at, "unterminated character constant")
    return Token("char", source[at : end + 1], at, ord(value)), end + 1


def unescape(text: str) -> str:
    """Return `text` with Go's backslash sequences replaced."""
    if "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character != "\\" or at >= len(text):
            out.append(character)
            continue
        escape = text[at]
        at += 1
        width = {"x": 2, "u": 4, "U": 8}.get(escape, 0)
        if width:
            out.append(chr(int(text[at : at + width], 16)))
            at += width
        else:
            out.append(_ESCAPES.get(escape, escape))
    return "".join(out)
