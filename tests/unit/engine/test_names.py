"""Names for the unnamed."""

import re

from wharf.engine.names import propose


def test_a_name_is_an_adjective_and_a_surname() -> None:
    name = propose(lambda _: False)
    assert name is not None
    assert re.fullmatch(r"[a-z]+_[a-z]+", name)


def test_a_second_try_has_a_digit() -> None:
    tried: list[str] = []

    def is_taken(name: str) -> bool:
        tried.append(name)
        return len(tried) < 2

    assert re.fullmatch(r"[a-z]+_[a-z]+[0-9]", propose(is_taken) or "")


def test_it_gives_up_after_six_tries() -> None:
    tried: list[str] = []
    assert propose(lambda name: not tried.append(name)) is None  # type: ignore[func-returns-value]  # append is None
    assert len(tried) <= 6
