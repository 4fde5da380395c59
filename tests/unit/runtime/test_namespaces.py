"""What a spec may say about namespaces."""

import pytest

from wharf.linux.clone import CloneFlag
from wharf.runtime.errors import CannotInvoke
from wharf.runtime.namespaces import Namespaces
from wharf.runtime.spec import Namespace, Spec


def spec_of(*namespaces: Namespace) -> Spec:
    return {"ociVersion": "1.2.1", "linux": {"namespaces": list(namespaces)}}


def test_new_and_joined_ones_are_told_apart() -> None:
    found = Namespaces.of(spec_of({"type": "mount"}, {"type": "network", "path": "/proc/1/ns/net"}))
    assert found.new == CloneFlag.NEWNS
    assert found.joined == {CloneFlag.NEWNET: "/proc/1/ns/net"}
    assert found.own == CloneFlag.NEWNS | CloneFlag.NEWNET


def test_a_cgroup_namespace_is_not_made_by_clone() -> None:
    found = Namespaces.of(spec_of({"type": "mount"}, {"type": "cgroup"}))
    assert (found.new, found.at_clone) == (CloneFlag.NEWNS | CloneFlag.NEWCGROUP, CloneFlag.NEWNS)


@pytest.mark.parametrize(
    "namespaces",
    [
        [],
        [{"type": "pid"}],
        [{"type": "mount", "path": "/proc/1/ns/mnt"}],
        [{"type": "mount"}, {"type": "mount"}],
        [{"type": "mount"}, {"type": "pid"}, {"type": "pid", "path": "/x"}],
        [{"type": "mount"}, {"type": "nosuch"}],
        [{"type": "mount"}, {"type": "user"}],
        [{"type": "mount"}, {"type": "time"}],
    ],
)
def test_what_is_malformed_or_not_supported_is_refused(namespaces: list[Namespace]) -> None:
    with pytest.raises(CannotInvoke):
        Namespaces.of(spec_of(*namespaces))
