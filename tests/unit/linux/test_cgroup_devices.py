"""Device rules in OCI's order, brought to a default and its exceptions."""

import pytest

from wharf.linux.cgroup.devices import ANY, RUNTIME_RULES, Device, DeviceList, device_list
from wharf.linux.cgroup.resources import DeviceRule

DENY_ALL: DeviceRule = {"allow": False, "access": "rwm"}
ALLOW_ALL: DeviceRule = {"allow": True, "type": "a", "access": "rwm"}


def _rule(*, allow: bool, major: int | None, minor: int | None, access: str = "rwm") -> DeviceRule:
    return {"allow": allow, "type": "c", "major": major, "minor": minor, "access": access}


def test_no_rules_deny_everything() -> None:
    assert device_list([]) == DeviceList(False, {})


def test_a_rule_for_all_devices_forgets_what_came_before() -> None:
    rules = [_rule(allow=True, major=1, minor=3), DENY_ALL, ALLOW_ALL]
    assert device_list(rules) == DeviceList(True, {})


def test_rules_for_one_device_add_up() -> None:
    rules = [
        DENY_ALL,
        _rule(allow=True, major=1, minor=3, access="m"),
        _rule(allow=True, major=1, minor=3, access="r"),
    ]
    assert device_list(rules).exceptions == {Device("c", 1, 3): "rm"}


def test_a_later_rule_takes_access_away_again() -> None:
    rules = [
        DENY_ALL,
        _rule(allow=True, major=1, minor=3),
        _rule(allow=False, major=1, minor=3, access="w"),
    ]
    assert device_list(rules).exceptions == {Device("c", 1, 3): "rm"}


def test_denying_what_is_denied_changes_nothing() -> None:
    assert device_list([DENY_ALL, _rule(allow=False, major=10, minor=229)]) == DeviceList(False, {})


def test_one_device_cannot_be_taken_out_of_an_allowed_range() -> None:
    rules = [DENY_ALL, _rule(allow=True, major=1, minor=None), _rule(allow=False, major=1, minor=3)]
    with pytest.raises(OSError, match="Invalid argument"):
        device_list(rules)


def test_everything_but_some_devices_is_a_list_too() -> None:
    assert device_list([ALLOW_ALL, _rule(allow=False, major=1, minor=3)]) == DeviceList(
        True, {Device("c", 1, 3): "rwm"}
    )


def test_an_absent_or_negative_number_means_all() -> None:
    listed = device_list([_rule(allow=True, major=-1, minor=None)])
    assert listed.exceptions == {Device("c", ANY, ANY): "rwm"}
    assert str(Device("c", ANY, ANY)) == "c *:*"


@pytest.mark.parametrize(
    "rule",
    [
        {"allow": True, "type": "x", "access": "rwm"},
        {"allow": True, "type": "c", "access": "rwx"},
        {"allow": True, "type": "a", "access": "r"},
        {"allow": True, "type": "a", "major": 1, "access": "rwm"},
    ],
)
def test_malformed_rules_are_refused(rule: DeviceRule) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        device_list([rule])


def test_the_default_container_gets_what_runc_gives_it() -> None:
    listed = device_list([DENY_ALL, *RUNTIME_RULES])
    assert sorted(f"{device} {access}" for device, access in listed.exceptions.items()) == [
        "b *:* m",
        "c *:* m",
        "c 10:200 rwm",
        "c 136:* rwm",
        "c 1:3 rwm",
        "c 1:5 rwm",
        "c 1:7 rwm",
        "c 1:8 rwm",
        "c 1:9 rwm",
        "c 5:0 rwm",
        "c 5:2 rwm",
    ]
