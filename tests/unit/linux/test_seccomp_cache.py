"""The cache of compiled filters: hits, and everything that must not be one."""

import os
from pathlib import Path

import pytest

from wharf.linux import seccomp_cache
from wharf.linux.seccomp import LinuxSeccomp, compile_filter

PROFILE: LinuxSeccomp = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
}
OTHER: LinuxSeccomp = {"defaultAction": "SCMP_ACT_ALLOW"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a" / "seccomp"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[LinuxSeccomp]:
    """The profiles that were compiled so far."""
    profiles: list[LinuxSeccomp] = []

    def compile_and_note(profile: LinuxSeccomp) -> bytes:
        profiles.append(profile)
        return compile_filter(profile)

    monkeypatch.setattr(seccomp_cache, "compile_filter", compile_and_note)
    return profiles


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_profile_is_compiled_once(folder: Path, compiled: list[LinuxSeccomp]) -> None:
    first = seccomp_cache.compile_cached(PROFILE, str(folder))
    second = seccomp_cache.compile_cached(PROFILE, str(folder))
    assert first == second == compile_filter(PROFILE)
    assert compiled == [PROFILE]


def test_the_order_of_keys_does_not_matter(folder: Path, compiled: list[LinuxSeccomp]) -> None:
    turned: LinuxSeccomp = {"syscalls": PROFILE["syscalls"], "defaultAction": PROFILE["defaultAction"]}
    seccomp_cache.compile_cached(PROFILE, str(folder))
    seccomp_cache.compile_cached(turned, str(folder))
    assert len(compiled) == 1


def test_profiles_are_kept_apart(folder: Path, compiled: list[LinuxSeccomp]) -> None:
    assert seccomp_cache.compile_cached(PROFILE, str(folder)) != seccomp_cache.compile_cached(
        OTHER, str(folder)
    )
    assert compiled == [PROFILE, OTHER]


def test_another_compiler_does_not_use_old_programs(
    folder: Path, compiled: list[LinuxSeccomp], monkeypatch: pytest.MonkeyPatch
) -> None:
    seccomp_cache.compile_cached(PROFILE, str(folder))
    monkeypatch.setattr(seccomp_cache, "GENERATION", 1000)
    seccomp_cache.compile_cached(PROFILE, str(folder))
    assert len(compiled) == 2


def test_files_are_for_the_owner_alone(folder: Path) -> None:
    seccomp_cache.compile_cached(PROFILE, str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in _files(folder)] == [0o600]


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 40, b"x" * 41])
def test_a_damaged_file_is_made_again(folder: Path, compiled: list[LinuxSeccomp], damage: bytes) -> None:
    whole = seccomp_cache.compile_cached(PROFILE, str(folder))
    (file,) = _files(folder)
    file.write_bytes(damage)
    assert seccomp_cache.compile_cached(PROFILE, str(folder)) == whole
    assert seccomp_cache.compile_cached(PROFILE, str(folder)) == whole
    assert len(compiled) == 2


def test_another_profiles_program_under_this_name_is_not_used(folder: Path) -> None:
    seccomp_cache.compile_cached(PROFILE, str(folder))
    (mine,) = _files(folder)
    seccomp_cache.compile_cached(OTHER, str(folder))
    (other,) = set(_files(folder)) - {mine}
    os.replace(other, mine)
    assert seccomp_cache.compile_cached(PROFILE, str(folder)) == compile_filter(PROFILE)


def test_a_file_others_may_write_is_not_used(folder: Path, compiled: list[LinuxSeccomp]) -> None:
    seccomp_cache.compile_cached(PROFILE, str(folder))
    _files(folder)[0].chmod(0o622)
    seccomp_cache.compile_cached(PROFILE, str(folder))
    assert len(compiled) == 2


def test_a_link_in_its_place_is_not_followed(folder: Path, tmp_path: Path) -> None:
    seccomp_cache.compile_cached(PROFILE, str(folder))
    (file,) = _files(folder)
    target = tmp_path / "target"
    os.rename(file, target)
    before = target.read_bytes()
    os.symlink(target, file)
    assert seccomp_cache.compile_cached(PROFILE, str(folder)) == compile_filter(PROFILE)
    assert target.read_bytes() == before
    assert not file.is_symlink()


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert seccomp_cache.compile_cached(PROFILE, str(tmp_path / "file" / "x")) == compile_filter(PROFILE)


def test_a_profile_that_does_not_compile_leaves_nothing(folder: Path) -> None:
    with pytest.raises(OSError, match="SCMP_ACT_FOO"):
        seccomp_cache.compile_cached({"defaultAction": "SCMP_ACT_FOO"}, str(folder))
    assert not folder.exists()
