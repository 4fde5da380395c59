"""File modes as Go counts them."""

import stat

import pytest

from wharf.schema.go_mode import go_mode


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (stat.S_IFREG | 0o644, 420),
        (stat.S_IFDIR | 0o755, 2147484141),
        (stat.S_IFLNK | 0o777, 134218239),
        (stat.S_IFIFO | 0o644, 33554852),
        (stat.S_IFCHR | 0o600, (1 << 26) + (1 << 21) + 0o600),
        (stat.S_IFBLK | 0o600, (1 << 26) + 0o600),
        (stat.S_IFSOCK | 0o600, (1 << 24) + 0o600),
        (stat.S_IFREG | 0o7755, (1 << 23) + (1 << 22) + (1 << 20) + 0o755),
    ],
)
def test_a_mode_has_gos_bits(mode: int, expected: int) -> None:
    assert go_mode(mode) == expected
