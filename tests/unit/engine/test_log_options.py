"""Options of log drivers, in the words of Docker 28.5, and what containers tell their logs."""

import socket
from pathlib import Path

import pytest

from wharf.engine.logs import options
from wharf.engine.logs.attributes import Subject, kept, tag
from wharf.engine.logs.options import LogDefaults, check, merge
from wharf.errors import InvalidParameter
from wharf.schema.host_config import LogConfig


@pytest.mark.parametrize(
    ("driver", "given", "words"),
    [
        ("foo", {}, 'error looking up logging plugin foo: plugin "foo" not found'),
        ("json-file", {"x": "1"}, "unknown log opt 'x' for json-file log driver"),
        ("local", {"tag": "1"}, "unknown log opt 'tag' for log driver local"),
        ("syslog", {"max-size": "1"}, "unknown log opt 'max-size' for syslog log driver"),
        ("journald", {"q": "1"}, "unknown log opt 'q' for journald log driver"),
        ("json-file", {"mode": "x"}, "logger: logging mode not supported: x"),
        (
            "json-file",
            {"max-buffer-size": "1m"},
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        ),
        (
            "json-file",
            {"mode": "non-blocking", "max-buffer-size": "x"},
            "error parsing option max-buffer-size: invalid size: 'x'",
        ),
        ("json-file", {"cache-disabled": "maybe"}, "invalid value for option cache-disabled: maybe"),
        ("syslog", {"syslog-address": "foo"}, "unsupported scheme: ''"),
        ("syslog", {"syslog-address": "unix:///nope"}, "stat /nope: no such file or directory"),
        ("syslog", {"syslog-facility": "foo"}, "invalid syslog facility"),
        ("syslog", {"syslog-format": "foo"}, "Invalid syslog format"),
    ],
)
def test_what_cannot_be_is_refused_in_dockers_words(driver: str, given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        check(driver, given)
    assert str(raised.value) == words


def test_none_takes_whatever_it_is_given() -> None:
    check("none", {"x": "1"})


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("10", 10), ("10b", 10), ("1.5k", 1536), ("20m", 20 << 20), ("2GiB", 2 << 30), ("1 KB", 1024)],
)
def test_sizes_are_read_as_docker_reads_them(text: str, size: int) -> None:
    assert options.size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "m", "1x", "1.2.3", "1e3", "٣"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid size"):
        options.size(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ("", "")),
        ("udp://", ("udp", ":514")),
        ("tcp://host", ("tcp", "host:514")),
        ("tcp+tls://[::1]:99", ("tcp+tls", "[::1]:99")),
    ],
)
def test_addresses_have_a_port(text: str, address: tuple[str, str]) -> None:
    assert options.address(text) == address


def test_a_socket_is_an_address(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        assert options.address(f"unix://{path}") == ("unix", str(path))


@pytest.mark.parametrize(("text", "number"), [("", 3), ("kern", 0), ("ftp", 11), ("local0", 16), ("23", 23)])
def test_facilities_have_numbers(text: str, number: int) -> None:
    assert options.facility(text) == number << 3


def test_the_engines_options_belong_to_its_driver_only() -> None:
    ours = LogDefaults("local", {"max-size": "1m", "max-file": "3"})
    assert merge(LogConfig(), ours) == LogConfig(type="local", config={"max-size": "1m", "max-file": "3"})
    mine = LogConfig(type="local", config={"max-size": "2m"})
    assert merge(mine, ours).config == {"max-size": "2m", "max-file": "3"}
    assert merge(LogConfig(type="json-file"), ours) == LogConfig(type="json-file", config={})


def subject(**given: str) -> Subject:
    return Subject(
        id="0123456789abcdef",
        name="the-name",
        image_id="sha256:fedcba9876543210",
        image_name="image:1",
        command=["sh", "-c", "x y"],
        env=["A=1", "B=2=3", "BARE"],
        labels={"one": "1", "two": "2"},
        options={name.replace("_", "-"): text for name, text in given.items()},
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"labels": "one,none", "env": "B,BARE"}, {"one": "1", "B": "2=3"}),
        ({"labels_regex": "^t"}, {"two": "2"}),
        ({"env_regex": "A|one", "labels": "two"}, {"A": "1", "two": "2"}),
    ],
)
def test_labels_and_variables_are_kept_as_asked(given: dict[str, str], found: dict[str, str]) -> None:
    assert kept(subject(**given)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [("(", "missing closing ): `(`"), ("*", "missing argument to repetition operator: `*`")],
)
def test_what_is_no_expression_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        kept(subject(labels_regex=text))
    assert str(raised.value) == f"error parsing regexp: {words}"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", "0123456789ab"),
        ("{{.ImageName}}/{{.Name}}/{{.ID}}", "image:1/the-name/0123456789ab"),
        (
            "{{.ImageID}} {{.ImageFullID}} {{.FullID}}",
            "sha256:fedcb sha256:fedcba9876543210 0123456789abcdef",
        ),
        ("{{.DaemonName}}: {{.Command}} {{upper .Name}}", "docker: sh -c x y THE-NAME"),
        ("{{(.ExtraAttributes nil).A}}", "1"),
    ],
)
def test_a_tag_is_a_template(template: str, text: str) -> None:
    assert tag(subject(tag=template, env="A"), "{{.ID}}") == text


NO_FIELD = (
    'template: log-tag:1:2: executing "log-tag" at <.Foo>: can\'t evaluate field Foo in type *logger.Info'
)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{.Foo}}", NO_FIELD),
        ("{{", "template: log-tag:1: unclosed action"),
    ],
)
def test_what_is_no_tag_is_refused(template: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        tag(subject(tag=template), "")
    assert str(raised.value) == words
