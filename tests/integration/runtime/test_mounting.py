"""Mounts a user asks for, and Docker's words when they cannot be."""

import os

import pytest

from runtime_kit import Box, mount, spec_of
from wharf.runtime import CreateFailed
from wharf.runtime.spec import Mount

INIT = "unable to start container process: error during container init: "


def shell(box: Box, script: str, *mounts: Mount) -> str:
    spec = spec_of("sh", "-c", script)
    spec["mounts"] += mounts
    ended = box.run(spec)
    assert ended.err == ""
    return ended.out


def failure(box: Box, item: Mount) -> str:
    spec = spec_of("true")
    spec["mounts"].append(item)
    with pytest.raises(CreateFailed) as caught:
        box.run(spec)
    return str(caught.value)


def test_a_folder_is_mounted_where_nothing_was(box: Box) -> None:
    (box.folder / "data").mkdir()
    (box.folder / "data/x").write_text("from the host\n")
    assert (
        shell(box, "cat /a/b/x", mount("/a/b", "bind", str(box.folder / "data"), "rbind"))
        == "from the host\n"
    )


def test_a_file_is_mounted_where_nothing_was(box: Box) -> None:
    (box.folder / "file").write_text("from the host\n")
    assert (
        shell(box, "cat /a/file", mount("/a/file", "bind", str(box.folder / "file"), "rbind"))
        == "from the host\n"
    )
    assert (box.upper / "a/file").stat().st_mode & 0o7777 == 0o755


def test_a_source_may_be_relative_to_the_bundle(box: Box) -> None:
    (box.bundle / "file").write_text("from the bundle\n")
    assert shell(box, "cat /file", mount("/file", "bind", "file", "rbind")) == "from the bundle\n"


def test_a_folder_over_a_file_is_refused_in_runcs_words(box: Box) -> None:
    words = failure(box, mount("/etc/passwd", "bind", str(box.folder), "rbind"))
    assert words.startswith(
        f'{INIT}error mounting "{box.folder}" to rootfs at "/etc/passwd": '
        f"mount src={box.folder}, dst=/etc/passwd, dstFd="
    )
    assert words.endswith("flags=MS_BIND|MS_REC: not a directory")


def test_a_file_over_a_folder_is_refused_in_runcs_words(box: Box) -> None:
    assert failure(box, mount("/tmp", "bind", "/dev/null", "rbind")).endswith("not a directory")


def test_a_source_that_is_missing_is_told_in_runcs_words(box: Box) -> None:
    words = failure(box, mount("/x", "bind", "/nosuchsource", "rbind"))
    assert words == f"{INIT}failed to fulfil mount request: open /nosuchsource: no such file or directory"


def test_an_unknown_file_system_is_refused(box: Box) -> None:
    assert failure(box, mount("/x", "nosuchfs", "none")).endswith("no such device")


def test_an_option_that_the_file_system_does_not_know_is_refused(box: Box) -> None:
    assert failure(box, mount("/x", "tmpfs", "tmpfs", "nosuch=1")).endswith("data=nosuch=1: invalid argument")


def test_a_tmpfs_takes_the_mode_of_the_folder_it_covers(box: Box) -> None:
    (box.upper / "t").mkdir()
    (box.upper / "t").chmod(0o1750)
    assert shell(box, "stat -c %a /t", mount("/t", "tmpfs", "tmpfs")) == "1750\n"


def test_a_tmpfs_on_a_new_folder_is_open_to_all(box: Box) -> None:
    assert shell(box, "stat -c %a /new", mount("/new", "tmpfs", "tmpfs")) == "1777\n"


def test_a_mode_that_is_given_counts(box: Box) -> None:
    assert shell(box, "stat -c %a /tmp", mount("/tmp", "tmpfs", "tmpfs", "mode=700")) == "700\n"


def test_a_read_only_tmpfs_still_holds_mounts_below(box: Box) -> None:
    out = shell(
        box,
        "touch /t/x 2>/dev/null || echo read-only; touch /t/below/x && echo writable",
        mount("/t", "tmpfs", "tmpfs", "ro"),
        mount("/t/below", "tmpfs", "tmpfs"),
    )
    assert out == "read-only\nwritable\n"


def test_a_bind_has_the_options_asked_for(box: Box) -> None:
    script = (
        "while read -r _ _ _ _ at how rest; do [ $at = /outer/a ] && echo $how; done </proc/self/mountinfo; :"
    )
    outer = mount("/outer/a", "bind", str(box.folder), "rbind", "nosuid", "nodev", "noexec", "noatime", "ro")
    assert shell(box, script, outer).strip() == "ro,nosuid,nodev,noexec,noatime"


def test_devices_of_the_spec_are_made(box: Box) -> None:
    spec = spec_of("stat", "-c", "%A %t:%T %u:%g", "/dev/net/tun")
    spec["linux"]["devices"] = [
        {
            "type": "c",
            "path": "/dev/net/tun",
            "major": 10,
            "minor": 200,
            "fileMode": 0o640,
            "uid": 3,
            "gid": 4,
        }
    ]
    assert box.run(spec).out == "crw-r----- a:c8 3:4\n"


def test_a_device_that_is_not_allowed_cannot_be_opened(box: Box) -> None:
    """The rules are a list of what is allowed, GHSA-g54h."""
    assert "Operation not permitted" in box.shell("mknod /dev/vda b 254 0 && cat /dev/vda").err


def test_the_hosts_mount_table_never_has_the_root(box: Box) -> None:
    spec = spec_of("sleep", "1000")
    with box.running(spec), open("/proc/self/mountinfo", encoding="utf-8") as lines:
        assert str(box.folder) not in lines.read()


def test_a_shared_bind_shows_the_host_what_is_mounted_below(box: Box) -> None:
    """In a mount namespace of its own, whose mounts are shared as a host's are."""
    import ctypes

    assert ctypes.sizeof(ctypes.c_void_p) == 8
    folder = box.folder / "shared"
    folder.mkdir()
    from wharf.linux import clone
    from wharf.linux import mount as kernel

    child = os.fork()
    if child == 0:
        status = 1
        try:
            clone.unshare(clone.CloneFlag.NEWNS)
            kernel.mount("", "/", "none", kernel.MountFlag.SHARED | kernel.MountFlag.REC)
            kernel.mount("tmpfs", str(folder), "tmpfs")
            spec = spec_of("sh", "-c", "mkdir /s/m && mount -t tmpfs none /s/m && touch /s/m/seen")
            capabilities = spec["process"]["capabilities"]
            for name in ("bounding", "effective", "permitted"):
                capabilities[name] = [*capabilities[name], "CAP_SYS_ADMIN"]
            spec["mounts"].append(mount("/s", "bind", str(folder), "rbind", "rshared"))
            ended = box.run(spec)
            status = 0 if ended.status == 0 and (folder / "m/seen").exists() else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
