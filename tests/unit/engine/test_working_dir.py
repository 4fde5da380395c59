"""A file on the way to the working folder is found through all layers of an image."""

import os
from pathlib import Path

import pytest

from wharf.engine.containers.working_dir import check
from wharf.errors import Internal


@pytest.fixture
def layers(tmp_path: Path) -> list[str]:
    """Two layers: `etc/file` below; above, `etc/made` and a link."""
    upper, lower = tmp_path / "upper", tmp_path / "lower"
    for folder in (upper / "etc" / "made", lower / "etc"):
        folder.mkdir(parents=True)
    (lower / "etc" / "file").write_text("")
    (upper / "link").symlink_to("/etc/file")
    return [str(upper), str(lower)]


@pytest.mark.parametrize("path", ["/etc/file", "/etc/file/below", "/etc/file/"])
def test_a_file_is_refused_in_dockers_words(layers: list[str], path: str) -> None:
    with pytest.raises(Internal, match=f"^Cannot mkdir: {path} is not a directory$"):
        check(layers, path)


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/made", "/etc/made/new", "/new/folder", "/link", "/link/x"]
)
def test_what_is_a_folder_or_can_be_made_is_not_refused(layers: list[str], path: str) -> None:
    check(layers, path)


def test_an_upper_folder_hides_a_lower_file(layers: list[str]) -> None:
    os.mkdir(f"{layers[0]}/etc/file")
    check(layers, "/etc/file")


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device and a trusted attribute needs root")
def test_what_is_whited_out_is_not_there(layers: list[str]) -> None:
    os.mknod(f"{layers[0]}/etc/file", 0o20600, 0)
    check(layers, "/etc/file")


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device and a trusted attribute needs root")
def test_an_opaque_folder_hides_what_is_below(layers: list[str]) -> None:
    try:
        os.setxattr(f"{layers[0]}/etc", "trusted.overlay.opaque", b"y")
    except OSError:
        pytest.skip("no trusted attributes on this file system")
    check(layers, "/etc/file")
