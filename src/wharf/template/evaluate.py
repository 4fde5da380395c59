"""A template filled in with a value: JSON (dicts, lists, texts, numbers) or a row of a list (`Fields`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wharf.template.errors import FillError
from wharf.template.functions import FUNCTIONS, Function
from wharf.template.lexer import place
from wharf.template.parser import Action, Control, Jump, Node, Operand, Parser, Pipeline, Text
from wharf.template.values import Fields, show

_NOTHING = object()

_VARARGS = 0x04
"""The flag of a code object that takes any number of arguments (`inspect.CO_VARARGS`)."""


class _Jumped(Exception):
    """`break` or `continue` on its way to the loop."""

    def __init__(self, keyword: str) -> None:
        super().__init__(keyword)
        self.keyword = keyword


class Template:
    """A template, read once and filled in any number of times. `functions` adds to the usual ones."""

    def __init__(
        self,
        source: str,
        functions: Mapping[str, Function] | None = None,
        *,
        missing_is_nothing: bool = False,
        name: str = "",
    ) -> None:
        """Read `source`, which messages call `name`.

        A name that the value lacks fails, or with `missing_is_nothing` is shown as `<no value>`: Docker fills
        templates in the first way with what the API said, in the second with values of its own types.

        Raises:
            TemplateError: it is no template.
        """
        self._source = source
        self._name = name
        self._missing_is_nothing = missing_is_nothing
        self._functions = {**FUNCTIONS, **(functions or {})}
        self._nodes = Parser(source, list(self._functions)).parse()

    def render(self, value: object) -> str:
        """Return the template filled in with `value`.

        Raises:
            FillError: it does not fit.
        """
        out: list[str] = []
        self._walk(self._nodes, value, [{"$": value}], out)
        return "".join(out)

    def fields(self) -> list[str]:
        """Return the names of the top-level fields that the template mentions, in order."""
        return list(_field_names(self._nodes))

    def _walk(self, nodes: list[Node], dot: object, scopes: list[dict[str, object]], out: list[str]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                out.append(node.text)
            elif isinstance(node, Action):
                value = self._pipeline(node.pipeline, dot, scopes)
                if not node.pipeline.variables:
                    out.append(show(value))
            elif isinstance(node, Jump):
                raise _Jumped(node.keyword)
            else:
                self._control(node, dot, [*scopes, {}], out)

    def _control(self, node: Control, dot: object, scopes: list[dict[str, object]], out: list[str]) -> None:
        if node.keyword == "range":
            self._range(node, dot, scopes, out)
            return
        value = self._pipeline(node.pipeline, dot, scopes)
        if value:
            self._walk(node.body, value if node.keyword == "with" else dot, scopes, out)
        else:
            self._walk(node.otherwise, dot, scopes, out)

    def _range(self, node: Control, dot: object, scopes: list[dict[str, object]], out: list[str]) -> None:
        names = node.pipeline.variables
        value = self._commands(node.pipeline, dot, scopes)
        if isinstance(value, Mapping):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(number, number) for number in range(value)]
        elif value is None:
            pairs = []
        else:
            raise self._fail(node.pipeline.commands[0][0], f"range can't iterate over {show(value)}")
        if not pairs:
            self._walk(node.otherwise, dot, scopes, out)
        for key, item in pairs:
            scope = scopes[-1] = {}
            if len(names) == 1:
                scope[names[0]] = item
            elif names:
                scope[names[0]], scope[names[1]] = key, item
            try:
                self._walk(node.body, item, scopes, out)
            except _Jumped as jump:
                if jump.keyword == "break":
                    return

    def _pipeline(self, pipeline: Pipeline, dot: object, scopes: list[dict[str, object]]) -> object:
        value = self._commands(pipeline, dot, scopes)
        for name in pipeline.variables:
            scope = scopes[-1]
            if pipeline.assigns:
                scope = next((known for known in reversed(scopes) if name in known), scope)
            scope[name] = value
        return value

    def _commands(self, pipeline: Pipeline, dot: object, scopes: list[dict[str, object]]) -> object:
        value: object = _NOTHING
        for command in pipeline.commands:
            value = self._command(command, dot, scopes, value)
        return value

    def _command(
        self, operands: list[Operand], dot: object, scopes: list[dict[str, object]], last: object
    ) -> object:
        head, *rest = operands
        if head.kind == "nil":
            raise self._fail(head, "nil is not a command")
        piped = [] if last is _NOTHING else [last]
        if head.kind == "function":
            name = str(head.value)
            if name in ("and", "or"):
                return self._short_circuit(name, rest, dot, scopes, piped)
            arguments = [self._value(operand, dot, scopes) for operand in rest] + piped
            words = " ".join(operand.text for operand in operands)
            return self._call(head, self._functions[name], arguments, words)
        if head.fields and (rest or piped):
            arguments = [self._value(operand, dot, scopes) for operand in rest] + piped
            return self._value(head, dot, scopes, arguments)
        if rest or piped:
            raise self._fail(head, f"can't give argument to non-function {head.text}")
        return self._value(head, dot, scopes)

    def _short_circuit(
        self,
        name: str,
        operands: list[Operand],
        dot: object,
        scopes: list[dict[str, object]],
        piped: list[object],
    ) -> object:
        value: object = None
        for operand in operands:
            value = self._value(operand, dot, scopes)
            if bool(value) == (name == "or"):
                return value
        return piped[0] if piped else value

    def _call(self, head: Operand, function: Function, arguments: list[object], words: str = "") -> object:
        name, given = head.value, len(arguments)
        code = function.__code__
        takes_more = bool(code.co_flags & _VARARGS)
        if given < code.co_argcount or (given > code.co_argcount and not takes_more):
            want = f"at least {code.co_argcount}" if takes_more else str(code.co_argcount)
            raise self._fail(head, f"wrong number of args for {name}: want {want} got {given}")
        try:
            return function(*arguments)
        except FillError as error:
            raise self._fail(head, f"error calling {name}: {error}", words) from None
        except (TypeError, AttributeError):
            raise self._fail(head, f"error calling {name}: wrong type for value", words) from None

    def _value(
        self,
        operand: Operand,
        dot: object,
        scopes: list[dict[str, object]],
        arguments: list[object] | None = None,
    ) -> object:
        if operand.kind == "dot":
            value = dot
        elif operand.kind == "variable":
            name = str(operand.value)
            value = next(scope[name] for scope in reversed(scopes) if name in scope)
        elif operand.kind == "group":
            assert operand.pipeline is not None
            value = self._pipeline(operand.pipeline, dot, scopes)
        elif operand.kind == "function":
            return self._call(operand, self._functions[str(operand.value)], [])
        else:
            value = operand.value
        for index, name in enumerate(operand.fields):
            last = index == len(operand.fields) - 1
            value = self._field(operand, value, name, arguments or [] if last else [])
        return value

    def _field(self, operand: Operand, value: object, name: str, arguments: list[object]) -> object:
        if isinstance(value, Fields):
            try:
                return value.field(name, *arguments)
            except KeyError:
                raise self._fail(operand, f"can't evaluate field {name} in type {value.type_name}") from None
        if arguments:
            raise self._fail(operand, f"{name} is not a method but has arguments")
        if isinstance(value, Mapping):
            if name in value:
                return value[name]
            # Docker looks names up in its own types first, whose spelling differs from JSON's: ID for Id.
            for key in value:
                if name[:1].isupper() and str(key).lower() == name.lower():
                    return value[key]
            if self._missing_is_nothing:
                return None
            raise self._fail(operand, f'map has no entry for key "{name}"')
        if value is None:
            return None
        raise self._fail(operand, f"can't evaluate field {name} in type interface {{}}")

    def _fail(self, operand: Operand, problem: str, words: str = "") -> FillError:
        where = place(self._source, operand.at)
        return FillError(
            f'template: {self._name}{where}: executing "{self._name}" at <{words or operand.text}>: {problem}'
        )


def _field_names(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Action | Control):
            yield from _pipeline_names(node.pipeline)
        if isinstance(node, Control):
            yield from _field_names(node.body)
            yield from _field_names(node.otherwise)


def _pipeline_names(pipeline: Pipeline) -> Iterator[str]:
    for command in pipeline.commands:
        for operand in command:
            if operand.kind == "dot" and operand.fields:
                yield operand.fields[0]
            if operand.pipeline is not None:
                yield from _pipeline_names(operand.pipeline)
