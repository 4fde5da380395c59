"""What a log is told of its container: the tag, and the labels and variables that its entries carry."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from wharf.engine.logs.options import pattern
from wharf.errors import InvalidParameter
from wharf.template import Template, TemplateError
from wharf.template.values import Fields

_SHORT = 12
_DAEMON = "docker"


class Subject(NamedTuple):
    """The container of a log, by Docker's names for it."""

    id: str
    name: str
    image_id: str
    image_name: str
    command: Sequence[str]
    env: Sequence[str]
    labels: Mapping[str, str]
    options: Mapping[str, str]


def kept(subject: Subject, key: Callable[[str], str] = str) -> dict[str, str]:
    """Return the labels and variables asked for (`labels`, `labels-regex`, `env`, `env-regex`)."""
    variables = dict(entry.split("=", 1) for entry in subject.env if "=" in entry)
    found: dict[str, str] = {}
    for option, values in (("labels", subject.labels), ("env", variables)):
        for name in filter(None, subject.options.get(option, "").split(",")):
            if name in values:
                found[key(name)] = values[name]
        if expression := subject.options.get(f"{option}-regex", ""):
            wanted = pattern(expression)
            found |= {key(name): value for name, value in values.items() if wanted.search(name)}
    return found


def tag(subject: Subject, default: str) -> str:
    """Return the tag: the template of the option, or `default`, filled in."""
    try:
        return Template(subject.options.get("tag") or default).render(_Info(subject))
    except TemplateError as error:
        words = str(error).replace("template: :", "template: log-tag:", 1)
        raise InvalidParameter(words.replace('executing ""', 'executing "log-tag"', 1)) from None


class _Info(Fields):
    """What a tag's template may name."""

    type_name = "*logger.Info"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def field(self, name: str, *arguments: object) -> object:
        """Return a field; KeyError for none."""
        subject = self._subject
        if name == "ExtraAttributes":
            return kept(subject)
        if arguments:
            raise KeyError(name)
        return self._values(subject)[name]

    @staticmethod
    def _values(subject: Subject) -> dict[str, object]:
        return {
            "ID": subject.id[:_SHORT],
            "FullID": subject.id,
            "Name": subject.name,
            "ImageID": subject.image_id[:_SHORT],
            "ImageFullID": subject.image_id,
            "ImageName": subject.image_name,
            "Command": " ".join(subject.command),
            "Hostname": os.uname().nodename,
            "DaemonName": _DAEMON,
            "Config": dict(subject.options),
            "ContainerID": subject.id,
            "ContainerName": f"/{subject.name}",
            "ContainerEntrypoint": subject.command[0],
            "ContainerArgs": list(subject.command[1:]),
            "ContainerImageID": subject.image_id,
            "ContainerImageName": subject.image_name,
            "ContainerEnv": list(subject.env),
            "ContainerLabels": dict(subject.labels),
        }
