"""Names, numbers and masks of capabilities."""

import os
import re

import pytest

from wharf.linux import capability

_HEADER = "/usr/include/linux/capability.h"


def test_numbers_run_from_chown_to_checkpoint_restore() -> None:
    assert capability.NUMBERS["CAP_CHOWN"] == 0
    assert capability.NUMBERS["CAP_SYS_ADMIN"] == 21
    assert capability.NUMBERS["CAP_CHECKPOINT_RESTORE"] == 40
    assert len(capability.NAMES) == 41


def test_names_and_numbers_are_the_kernels() -> None:
    if not os.path.exists(_HEADER):
        pytest.skip("no kernel headers here")
    with open(_HEADER) as header:
        defined = dict(re.findall(r"#define (CAP_\w+)\s+(\d+)\n", header.read()))
    assert {name: int(number) for name, number in defined.items()} == capability.NUMBERS


def test_a_mask_and_its_names_are_the_same() -> None:
    names = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE"]
    assert capability.mask_of(names) == 1 | 1 << 13 | 1 << 40
    assert capability.names_of(capability.mask_of(names)) == names


def test_names_the_kernel_does_not_know_are_left_out() -> None:
    assert capability.mask_of(["CAP_CHOWN", "CAP_FLY", "chown"]) == 1


def test_dockers_default_set_is_the_mask_seen_in_its_containers() -> None:
    words = (
        "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE"
        " SYS_CHROOT KILL AUDIT_WRITE"
    )
    assert capability.mask_of(f"CAP_{word}" for word in words.split()) == 0xA80425FB


def test_the_kernels_last_capability_bounds_the_bounding_set() -> None:
    assert capability.bounding_mask() >> (capability.last_cap() + 1) == 0
    assert 30 < capability.last_cap() < 64
