"""Dockerfile instructions in `changes`."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.engine.images.changes import apply
from wharf.errors import InvalidParameter

CASES = [
    ("CMD echo hi", {"Cmd": ["/bin/sh", "-c", "echo hi"]}),
    ('CMD ["echo", "hi"]', {"Cmd": ["echo", "hi"]}),
    ('cmd ["echo", 1]', {"Cmd": ["/bin/sh", "-c", '["echo", 1]']}),
    ("ENTRYPOINT []", {"Entrypoint": []}),
    ("ENV A=1 B='x y' C=\"p q\" D=a\\ b", {"Env": ["A=1", "B=x y", "C=p q", "D=a b"]}),
    ("ENV A some text", {"Env": ["A=some text"]}),
    ("ENV A=1\nENV A=2 B=${A}-$A-${N:-d}-${A:+s}", {"Env": ["A=2", "B=1-1-d-s"]}),
    ("ENV A='$B' C=\\$D", {"Env": ["A=$B", "C=$D"]}),
    (
        "EXPOSE 80 443/TCP 53/udp 8000-8002",
        {
            "ExposedPorts": {
                "80/tcp": {},
                "443/tcp": {},
                "53/udp": {},
                "8000/tcp": {},
                "8001/tcp": {},
                "8002/tcp": {},
            }
        },
    ),
    ('LABEL a=b "c d"="e f"', {"Labels": {"a": "b", "c d": "e f"}}),
    ("USER app:staff", {"User": "app:staff"}),
    ("WORKDIR /a\nWORKDIR b/../c", {"WorkingDir": "/a/c"}),
    ('VOLUME ["/x", "/y z"]', {"Volumes": {"/x": {}, "/y z": {}}}),
    ("VOLUME /x /y", {"Volumes": {"/x": {}, "/y": {}}}),
    ("STOPSIGNAL SIGQUIT", {"StopSignal": "SIGQUIT"}),
    ("ONBUILD RUN make", {"OnBuild": ["RUN make"]}),
    ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
    (
        "HEALTHCHECK --interval=1m30s --retries=3 CMD curl x",
        {"Healthcheck": {"Test": ["CMD-SHELL", "curl x"], "Interval": 90 * 10**9, "Retries": 3}},
    ),
    ('HEALTHCHECK CMD ["a", "b"]', {"Healthcheck": {"Test": ["CMD", "a", "b"]}}),
    ("CMD a \\\n b", {"Cmd": ["/bin/sh", "-c", "a   b"]}),
]


@pytest.mark.parametrize(("change", "config"), CASES)
def test_an_instruction_sets_its_part_of_the_config(change: str, config: dict[str, object]) -> None:
    assert apply({}, [change]) == config


def test_what_was_set_before_is_kept_or_added_to() -> None:
    before = {"Env": ["A=1"], "Cmd": ["x"], "Labels": {"a": "1"}, "WorkingDir": "/w"}
    assert apply(before, ["ENV B=$A", "LABEL b=2", "WORKDIR x"]) == {
        "Env": ["A=1", "B=1"],
        "Cmd": ["x"],
        "Labels": {"a": "1", "b": "2"},
        "WorkingDir": "/w/x",
    }
    assert before["Env"] == ["A=1"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("FROM x", "FROM is not a valid change command"),
        ("run x", "RUN is not a valid change command"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV A", "ENV must have two arguments"),
        ("EXPOSE x", "invalid containerPort: x"),
        ("EXPOSE 99999", "invalid containerPort: 99999"),
        ("EXPOSE 5-3", "invalid containerPort: 5-3"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=x CMD y", 'time: invalid duration "x"'),
    ],
)
def test_what_is_no_change_is_refused_in_dockers_words(change: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        apply({}, [change])
    assert str(caught.value) == words


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_text_is_a_change_or_refused(changes: list[str]) -> None:
    try:
        apply({}, changes)
    except InvalidParameter:
        return


@pytest.mark.parametrize("unit", ["a", '"', "\\", "$", "${", "a=", "[", " ", "'", '"\\'])
@pytest.mark.parametrize(
    "word", ["ENV a=", "LABEL ", "CMD ", "EXPOSE ", "VOLUME ", "HEALTHCHECK --interval="]
)
def test_hostile_lengths_are_read_in_time(word: str, unit: str) -> None:
    begin = time.monotonic()
    with contextlib.suppress(InvalidParameter):
        apply({}, [word + unit * 20_000])
    assert time.monotonic() - begin < 0.5
