"""A template's tokens made into a tree."""

from __future__ import annotations

from collections.abc import Sequence

from wharf.template.errors import TemplateError
from wharf.template.lexer import Token, fail, tokens


class Operand:
    """Something with a value: `kind` is dot, nil, bool, literal, variable, function or group (a pipeline).

    `fields` are looked up in it one after the other; `text` and `at` are for messages.
    """

    __slots__ = ("at", "fields", "kind", "pipeline", "text", "value")

    def __init__(self, kind: str, at: int, value: object = None, pipeline: Pipeline | None = None) -> None:
        self.kind = kind
        self.at = at
        self.value = value
        self.pipeline = pipeline
        self.fields: list[str] = []
        self.text = ""


class Pipeline:
    """Commands, each a list of operands, whose values flow to the right; perhaps into variables."""

    __slots__ = ("assigns", "commands", "variables")

    def __init__(self) -> None:
        self.variables: list[str] = []
        self.assigns = False
        self.commands: list[list[Operand]] = []


class Text:
    """Literal text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Action:
    """A pipeline whose value is printed."""

    __slots__ = ("pipeline",)

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline


class Control:
    """`if`, `with` or `range` over a pipeline."""

    __slots__ = ("body", "keyword", "otherwise", "pipeline")

    def __init__(self, keyword: str, pipeline: Pipeline) -> None:
        self.keyword = keyword
        self.pipeline = pipeline
        self.body: list[Node] = []
        self.otherwise: list[Node] = []


class Jump:
    """`break` or `continue`."""

    __slots__ = ("keyword",)

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword


Node = Text | Action | Control | Jump


class Parser:
    """Reads one template; `functions` are the names that may be called."""

    def __init__(self, source: str, functions: Sequence[str]) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._functions = functions
        self._known = {"$"}
        self._loops = 0

    def parse(self) -> list[Node]:
        """Return the whole template's nodes.

        Raises:
            TemplateError: with Go's words.
        """
        nodes, ended_by = self._nodes()
        if ended_by:
            raise self._fail(f"unexpected {{{{{ended_by}}}}}")
        return nodes

    def _fail(self, problem: str) -> TemplateError:
        at = self._tokens[self._at].at if self._at < len(self._tokens) else len(self._source)
        return fail(self._source, at, problem)

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise self._fail("unexpected EOF")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _peek(self) -> Token:
        if self._at >= len(self._tokens):
            raise self._fail("unexpected EOF")
        return self._tokens[self._at]

    def _nodes(self) -> tuple[list[Node], str]:
        """Return nodes up to the end, `{{end}}` or `{{else`, and which of the words it was."""
        nodes: list[Node] = []
        while self._at < len(self._tokens):
            token = self._next()
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            keyword = self._peek().text if self._peek().kind == "word" else ""
            if keyword in ("if", "with", "range"):
                self._next()
                nodes.append(self._control(keyword))
            elif keyword in ("end", "else"):
                self._next()
                if keyword == "end":
                    self._close("end")
                return nodes, keyword
            elif keyword in ("break", "continue"):
                self._next()
                if not self._loops:
                    raise self._fail(f"{{{{{keyword}}}}} outside {{{{range}}}}")
                self._close(keyword)
                nodes.append(Jump(keyword))
            elif keyword in ("define", "template", "block"):
                raise self._fail(f"unexpected {{{{{keyword}}}}}: not available in a format")
            else:
                nodes.append(Action(self._pipeline("}}", "command")))
        return nodes, ""

    def _close(self, context: str) -> None:
        token = self._next()
        if token.kind != "}}":
            raise self._fail(f"unexpected <{token.text}> in {context}")

    def _control(self, keyword: str) -> Control:
        known = set(self._known)
        control = Control(keyword, self._pipeline("}}", keyword))
        self._loops += keyword == "range"
        control.body, ended_by = self._nodes()
        self._loops -= keyword == "range"
        if ended_by == "else":
            token = self._peek()
            if token.kind == "word" and token.text in ("if", "with") and keyword != "range":
                self._next()
                control.otherwise = [self._control(token.text)]
                self._known = known
                return control
            self._close("else")
            control.otherwise, ended_by = self._nodes()
        if ended_by != "end":
            raise self._fail("unexpected EOF" if not ended_by else f"expected end; found {{{{{ended_by}}}}}")
        self._known = known
        return control

    def _pipeline(self, closing: str, context: str) -> Pipeline:
        pipeline = Pipeline()
        self._declarations(pipeline, context)
        while True:
            command = self._operands(closing, context)
            pipeline.commands.append(command)
            if self._next().kind == closing:
                self._known.update(pipeline.variables)
                return pipeline

    def _declarations(self, pipeline: Pipeline, context: str) -> None:
        start = self._at
        names: list[str] = []
        while self._peek().kind == "variable":
            names.append(self._next().text)
            token = self._next()
            if token.kind == "," and context == "range" and len(names) < 2:
                continue
            if token.kind in (":=", "="):
                pipeline.variables = names
                pipeline.assigns = token.kind == "="
                return
            break
        self._at = start

    def _operands(self, closing: str, context: str) -> list[Operand]:
        operands: list[Operand] = []
        while True:
            token = self._peek()
            if token.kind in (closing, "|"):
                break
            if token.kind == ")":
                raise self._fail("unexpected right paren")
            if token.kind == "}}" and closing == ")":
                raise self._fail("unclosed left paren")
            if token.kind in ("}}", ",", "=", ":=", "text", "{{"):
                raise self._fail(f'unexpected "{token.text}" in {context if operands else "operand"}')
            operands.append(self._operand())
        if not operands:
            raise self._fail(f"missing value for {context}")
        return operands

    def _operand(self) -> Operand:
        token = self._next()
        operand = self._term(token)
        while self._at < len(self._tokens):
            following = self._tokens[self._at]
            if following.kind != "field" or following.spaced:
                break
            if operand.kind in ("nil", "bool", "literal", "function"):
                raise self._fail(f"unexpected . after term {token.text!r}".replace("'", '"'))
            self._at += 1
            operand.fields.append(following.text[1:])
            # Go names the place of the last field of a chain.
            operand.at = following.at
        end = self._tokens[self._at].at if self._at < len(self._tokens) else len(self._source)
        operand.text = self._source[token.at : end].strip().rstrip("|)").strip()
        return operand

    def _term(self, token: Token) -> Operand:
        if token.kind == ".":
            return Operand("dot", token.at)
        if token.kind == "field":
            operand = Operand("dot", token.at)
            operand.fields.append(token.text[1:])
            return operand
        if token.kind == "variable":
            if token.text not in self._known:
                raise self._fail(f'undefined variable "{token.text}"')
            return Operand("variable", token.at, token.text)
        if token.kind in ("string", "number", "char"):
            return Operand("literal", token.at, token.value)
        if token.kind == "(":
            return Operand("group", token.at, pipeline=self._pipeline(")", "parenthesized pipeline"))
        if token.text in ("true", "false"):
            return Operand("bool", token.at, token.text == "true")
        if token.text == "nil":
            return Operand("nil", token.at)
        if token.text not in self._functions:
            raise self._fail(f'function "{token.text}" not defined')
        return Operand("function", token.at, token.text)
