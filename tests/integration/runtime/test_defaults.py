"""A container with the default spec is what Docker's users find inside theirs."""

import re

from runtime_kit import MASKED, READONLY, Box, spec_of
from wharf.linux.cgroup import mode
from wharf.runtime.spec import Spec

MOUNTS = "while read -r _ _ _ _ at how rest; do echo $at $how ${rest#*- }; done </proc/self/mountinfo"


def mounts_of(box: Box) -> list[list[str]]:
    return [line.split(" ") for line in box.shell(MOUNTS).out.splitlines()]


def test_a_container_runs_and_its_output_and_status_come_back(box: Box) -> None:
    ended = box.shell("echo out; echo err >&2; exit 7")
    assert ended == (7, "out\n", "err\n")


def test_mounts_come_in_the_order_of_the_spec(box: Box) -> None:
    places = [line[0] for line in mounts_of(box)]
    assert [place for place in places if not place.startswith("/sys/fs/cgroup/")][:8] == [
        "/",
        "/proc",
        "/dev",
        "/dev/pts",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/mqueue",
        "/dev/shm",
    ]


def test_mounts_have_the_options_of_the_spec(box: Box) -> None:
    options = {line[0]: (line[1], line[2]) for line in mounts_of(box)}
    quiet = "rw,nosuid,nodev,noexec,relatime"
    assert options["/proc"] == (quiet, "proc")
    assert options["/dev"] == ("rw,nosuid", "tmpfs")
    assert options["/dev/pts"] == ("rw,nosuid,noexec,relatime", "devpts")
    assert options["/sys"] == ("ro,nosuid,nodev,noexec,relatime", "sysfs")
    assert options["/dev/mqueue"] == (quiet, "mqueue")
    assert options["/dev/shm"] == (quiet, "tmpfs")


def test_every_cgroup_mount_is_read_only(box: Box) -> None:
    cgroups = [line for line in mounts_of(box) if line[0].startswith("/sys/fs/cgroup")]
    assert cgroups
    assert all(line[1] == "ro,nosuid,nodev,noexec,relatime" for line in cgroups)


def test_nothing_can_be_made_in_the_cgroup_folder(box: Box) -> None:
    assert box.shell("touch /sys/fs/cgroup/x").err.endswith("Read-only file system\n")


def test_the_cgroup_seen_is_the_containers_own(box: Box) -> None:
    spec = spec_of("sh", "-c", "cat /sys/fs/cgroup/memory/cgroup.procs || cat /sys/fs/cgroup/cgroup.procs")
    if mode() == "v2":
        spec["linux"]["namespaces"].append({"type": "cgroup"})
    assert "1" in box.run(spec).out.split()


def test_a_private_cgroup_namespace_begins_at_the_containers_cgroup(box: Box) -> None:
    def private(spec: Spec) -> None:
        spec["linux"]["namespaces"].append({"type": "cgroup"})

    paths = [line.split(":")[2] for line in box.shell("cat /proc/self/cgroup", private).out.splitlines()]
    assert set(paths) == {"/"}


def test_devices_are_dockers(box: Box) -> None:
    out = box.shell("cd /dev; stat -c '%n %A %t:%T %u:%g' full null random tty urandom zero").out
    assert out.splitlines() == [
        "full crw-rw-rw- 1:7 0:0",
        "null crw-rw-rw- 1:3 0:0",
        "random crw-rw-rw- 1:8 0:0",
        "tty crw-rw-rw- 5:0 0:0",
        "urandom crw-rw-rw- 1:9 0:0",
        "zero crw-rw-rw- 1:5 0:0",
    ]


def test_links_in_dev_are_dockers(box: Box) -> None:
    out = box.shell("cd /dev; for l in fd ptmx stdin stdout stderr; do readlink $l; done").out
    assert out.split() == [
        "/proc/self/fd",
        "pts/ptmx",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
    ]


def test_nothing_else_is_in_dev(box: Box) -> None:
    allowed = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert set(box.shell("ls /dev").out.split()) <= set(allowed.split(" "))


def test_masked_files_are_empty_and_masked_folders_too(box: Box) -> None:
    script = "".join(
        f"if [ -d {path} ]; then ls -A {path}; elif [ -e {path} ]; then cat {path}; fi;" for path in MASKED
    )
    assert box.shell(script) == (0, "", "")


def test_masked_folders_cannot_be_written(box: Box) -> None:
    assert "Read-only file system" in box.shell("touch /sys/firmware/x").err


def test_read_only_paths_cannot_be_written(box: Box) -> None:
    ended = box.shell("echo 1 >/proc/sys/kernel/printk_delay; echo 1 >/proc/irq/default_smp_affinity")
    assert ended.err.count("Read-only file system") == 2


def test_read_only_paths_are_mounts_of_their_own(box: Box) -> None:
    options = {line[0]: line[1] for line in mounts_of(box)}
    assert all(options[path].startswith("ro,") for path in READONLY if path in options)
    assert options["/proc/sys"] == "ro,nosuid,nodev,noexec,relatime"


def test_capabilities_are_dockers_fourteen(box: Box) -> None:
    out = box.shell("grep Cap /proc/self/status").out
    assert dict(re.findall(r"(Cap\w+):\t(\w+)", out)) == {
        "CapInh": "0000000000000000",
        "CapPrm": "00000000a80425fb",
        "CapEff": "00000000a80425fb",
        "CapBnd": "00000000a80425fb",
        "CapAmb": "0000000000000000",
    }


def test_only_the_three_standard_descriptors_are_open(box: Box) -> None:
    out = box.shell("ls /proc/1/fd; true").out
    assert out.split() == ["0", "1", "2"]


def test_home_comes_from_the_passwd_file(box: Box) -> None:
    assert "HOME=/root\n" in box.shell("env").out


def test_an_empty_home_is_replaced(box: Box) -> None:
    def empty(spec: Spec) -> None:
        spec["process"]["env"].append("HOME=")

    assert "HOME=/root\n" in box.shell("env", empty).out


def test_a_given_home_stays(box: Box) -> None:
    def given(spec: Spec) -> None:
        spec["process"]["env"].append("HOME=/nowhere")

    assert "HOME=/nowhere\n" in box.shell("env", given).out


def test_the_last_value_of_a_variable_counts(box: Box) -> None:
    def twice(spec: Spec) -> None:
        spec["process"]["env"] += ["A=1", "A=2"]

    assert re.findall("^A=.*", box.shell("env", twice).out, re.MULTILINE) == ["A=2"]


def test_the_host_has_the_name_asked_for(box: Box) -> None:
    assert box.shell("hostname; cat /proc/sys/kernel/hostname").out == "tester\ntester\n"


def test_the_domain_has_the_name_asked_for(box: Box) -> None:
    def named(spec: Spec) -> None:
        spec["domainname"] = "example.org"

    assert box.shell("cat /proc/sys/kernel/domainname", named).out == "example.org\n"


def test_sysctls_are_set(box: Box) -> None:
    script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range"
    assert box.shell(script).out == "0\n0\t2147483647\n"


def test_the_loopback_is_up_and_alone(box: Box) -> None:
    assert re.findall(r"^\d+: (\S+): <(\S+)>", box.shell("ip link").out, re.MULTILINE) == [
        ("lo", "LOOPBACK,UP,LOWER_UP")
    ]


def test_the_init_is_the_first_process_and_leads_its_session(box: Box) -> None:
    fields = box.shell("cat /proc/self/stat").out
    assert fields  # the shell forked: its parent is the init
    assert box.shell("echo $$; ps -o pid,pgid,sid | head -2 | tail -1").out.split() == ["1", "1", "1", "1"]


def test_umask_is_022(box: Box) -> None:
    assert box.shell("umask").out == "0022\n"


def test_umask_of_the_spec_counts(box: Box) -> None:
    def strict(spec: Spec) -> None:
        spec["process"]["user"]["umask"] = 0o077

    assert box.shell("umask", strict).out == "0077\n"


def test_no_signal_is_ignored_or_blocked(box: Box) -> None:
    out = box.run(spec_of("grep", "-E", "SigIgn|SigBlk", "/proc/self/status")).out
    assert re.findall(r":\t(\w+)", out) == ["0" * 16, "0" * 16]


def test_the_root_can_be_read_only(box: Box) -> None:
    def readonly(spec: Spec) -> None:
        spec["root"]["readonly"] = True

    ended = box.shell("touch /x; touch /dev/shm/y && echo shm is writable", readonly)
    assert "/x: Read-only file system" in ended.err
    assert ended.out == "shm is writable\n"


def test_no_new_privileges_is_set_when_asked_for(box: Box) -> None:
    def strict(spec: Spec) -> None:
        spec["process"]["noNewPrivileges"] = True

    script = "grep NoNewPrivs /proc/self/status"
    assert (box.shell(script).out, box.shell(script, strict).out) == ("NoNewPrivs:\t0\n", "NoNewPrivs:\t1\n")


def test_rlimits_are_set(box: Box) -> None:
    def limited(spec: Spec) -> None:
        spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]

    assert box.shell("ulimit -Sn; ulimit -Hn", limited).out == "100\n200\n"


def test_the_oom_score_is_set(box: Box) -> None:
    def scored(spec: Spec) -> None:
        spec["process"]["oomScoreAdj"] = 321

    assert box.shell("cat /proc/self/oom_score_adj", scored).out == "321\n"


def test_the_container_cannot_see_the_hosts_mounts(box: Box) -> None:
    places = [line[0] for line in mounts_of(box)]
    assert not [place for place in places if str(box.folder) in place]
