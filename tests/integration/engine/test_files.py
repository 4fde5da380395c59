"""Files of a container: cp, archive, diff, export, commit, by raw HTTP and by both command lines."""

import base64
import concurrent.futures
import contextlib
import io
import json
import os
import tarfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from content_kit import Member, directory, hardlink, symlink, tar
from engine_kit.client import Answer, Cli
from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually

_MAKE = "mkdir -p /d/sub; echo hi > /d/sub/f; ln -s sub /d/l; ln -s /etc /d/abs; ln -s /no /d/broken; "
_DAEMON = "Error response from daemon: "
_SECRET = "only the host knows"
_READY = "echo ready; exec sleep 1000"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A folder of the host that nothing of a container may touch."""
    folder = tmp_path / "marker"
    folder.mkdir()
    (folder / "secret").write_text(_SECRET)
    return folder


def _run(engine: Engine, *words: str, script: str = _MAKE) -> str:
    """Start a container that has made its files when this returns."""
    cli = engine.cli("wharf")
    name = cli("run", "-d", *words, IMAGE, "sh", "-c", script + _READY).ok()
    eventually(lambda: "ready" in cli("logs", name).out, what="the container to be ready")
    return name


def _archive(
    engine: Engine, name: str, path: str, method: str = "GET", *, body: bytes | None = None, more: str = ""
) -> Answer:
    target = f"/containers/{name}/archive?path={urllib.parse.quote(path)}{more}"
    headers = {"Content-Type": "application/x-tar"} if body is not None else {}
    return engine.http(method, target, body=body, headers=headers)


def _stat(answer: Answer) -> dict[str, object]:
    found = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
    assert isinstance(found, dict)
    return found


def _names(answer: Answer) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        return archive.getnames()


def _stopped(engine: Engine, name: str) -> None:
    engine.cli("wharf")("stop", "-t", "0", name).ok()


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_a_path_is_shown_and_copied_out_as_docker_does(engine: Engine, *, is_running: bool) -> None:
    name = _run(engine)
    if not is_running:
        _stopped(engine, name)
    link = _stat(_archive(engine, name, "/d/l", "HEAD"))
    assert (link["name"], link["mode"], link["linkTarget"]) == ("l", 134218239, "/d/sub")
    assert _stat(_archive(engine, name, "/d/broken", "HEAD"))["linkTarget"] == "/no"
    assert _stat(_archive(engine, name, "/d/l/f", "HEAD"))["size"] == 3
    assert _names(_archive(engine, name, "/d")) == ["d", "d/abs", "d/broken", "d/l", "d/sub", "d/sub/f"]
    assert _names(_archive(engine, name, "/d/l/")) == ["l", "l/f"]
    assert _names(_archive(engine, name, "/d/l/.")) == [".", "./f"]
    assert _names(_archive(engine, name, "d/l")) == ["l"]
    assert "/d/sub/f" in _names(_archive(engine, name, "/"))
    assert "./hosts" in _names(_archive(engine, name, "/d/abs/."))
    for missing in ("/nope", "/d/broken/", "/proc/version", "/dev/null"):
        answer = _archive(engine, name, missing)
        assert (answer.status, answer.message) == (
            404,
            f"Could not find the file {missing} in container {name}",
        )
    assert "not a directory" in _archive(engine, name, "/d/sub/f/").message


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_what_is_put_in_is_seen_by_the_container(engine: Engine, *, is_running: bool) -> None:
    name = _run(engine, "--name", "wt-put")
    if not is_running:
        _stopped(engine, name)
    members = [directory("new", mode=0o700), Member("new/x", b"1", uid=5, gid=6, mode=0o4755)]
    assert _archive(engine, name, "/d/l", "PUT", body=tar(members)).status == 200
    if not is_running:
        engine.cli("wharf")("start", name).ok()
    told = engine.cli("wharf")("exec", name, "stat", "-c", "%u %g %a", "/d/sub/new/x").ok()
    assert told == "5 6 4755"


def test_what_is_mounted_is_seen_as_the_container_sees_it(engine: Engine, tmp_path: Path) -> None:
    shared, fixed = tmp_path / "shared", tmp_path / "fixed"
    shared.mkdir()
    fixed.mkdir()
    volumes = ["-v", f"{shared}:/data", "-v", f"{fixed}:/fixed:ro", "--tmpfs", "/t", "--read-only"]
    name = _run(engine, *volumes, script="echo 1 > /data/a; echo 2 > /t/b; ")
    put = tar([Member("new", b"x")])
    assert _names(_archive(engine, name, "/t/b")) == ["b"]
    assert _names(_archive(engine, name, "/data")) == ["data", "data/a"]
    assert _archive(engine, name, "/data", "PUT", body=put).status == 200
    assert (shared / "new").read_bytes() == b"x"
    assert _archive(engine, name, "/t", "PUT", body=put).status == 200
    refused = _archive(engine, name, "/fixed", "PUT", body=put)
    assert (refused.status, refused.message) == (400, "mounted volume is marked read-only")
    refused = _archive(engine, name, "/etc", "PUT", body=put)
    assert (refused.status, refused.message) == (400, "container rootfs is marked read-only")
    _stopped(engine, name)
    assert _names(_archive(engine, name, "/data/new")) == ["new"]
    assert _archive(engine, name, "/etc", "PUT", body=put).status == 400
    assert _archive(engine, name, "/t/b").status == 404
    assert os.listdir(fixed) == []


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_volumes_are_part_of_what_is_copied(engine: Engine, *, is_running: bool) -> None:
    cli = engine.cli("wharf")
    name = _run(engine, "-v", "/anonymous", "-v", "wt-fixed:/fixed:ro", script="echo 1 > /anonymous/a; ")
    try:
        if not is_running:
            _stopped(engine, name)
        put = tar([Member("new", b"x")])
        assert _archive(engine, name, "/anonymous", "PUT", body=put).status == 200
        assert _names(_archive(engine, name, "/anonymous")) == ["anonymous", "anonymous/a", "anonymous/new"]
        refused = _archive(engine, name, "/fixed", "PUT", body=put)
        assert (refused.status, refused.message) == (400, "mounted volume is marked read-only")
        assert "/anonymous/a" not in cli("diff", name).out
    finally:
        cli("rm", "-f", "-v", name).ok()
        cli("volume", "rm", "wt-fixed").ok()


_HOSTILE = [
    ([Member("../x", b"1")], 'invalid entry name "../x"'),
    ([Member("a/../../x", b"1")], 'invalid entry name "a/../../x"'),
    ([hardlink("h", "../etc/passwd")], 'invalid hardlink target "../etc/passwd"'),
    ([hardlink("h", "{marker}/secret")], "Could not find the file /d in container"),
    ([Member("n" * 300, b"1")], "file name too long"),
    ([Member("z", b"1", kind=b"Z")], "unhandled tar header type 90"),
]


@pytest.mark.parametrize(("members", "words"), _HOSTILE)
def test_hostile_archives_are_refused(
    engine: Engine, marker: Path, members: list[Member], words: str
) -> None:
    name = engine.cli("wharf")("create", IMAGE, "true").ok()
    made = [each._replace(link=each.link.format(marker=marker)) for each in members]
    answer = _archive(engine, name, "/tmp", "PUT", body=tar(made))
    assert answer.status in (400, 404)
    assert words.replace("/d ", "/tmp ") in answer.message
    assert os.listdir(marker) == ["secret"]


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_links_that_an_archive_makes_lead_nowhere_else(
    engine: Engine, marker: Path, *, is_running: bool
) -> None:
    name = _run(engine)
    if not is_running:
        _stopped(engine, name)
    members = [
        symlink("out", str(marker)),
        Member("out/written", b"1"),
        symlink("up", "../" * 40 + str(marker).lstrip("/")),
        Member("up/written", b"1"),
        symlink("dir", str(marker)),
        directory("dir", mode=0o777),
        symlink("chain", "out"),
        symlink("chain2", "chain/.."),
        Member("chain2/written", b"1"),
    ]
    assert _archive(engine, name, "/d", "PUT", body=tar(members)).status == 200
    assert (marker.stat().st_mode & 0o777, os.listdir(marker)) == (0o755, ["secret"])
    assert _archive(engine, name, f"/d/out/../..{marker}/secret").status == 404


def test_broken_archives_are_refused_and_compressed_ones_taken(engine: Engine) -> None:
    import bz2
    import gzip
    import lzma

    name = engine.cli("wharf")("create", IMAGE, "true").ok()
    whole = tar([Member("f", b"x" * 5000)])
    for packed in (gzip.compress(whole), bz2.compress(whole), lzma.compress(whole), b"", bytes(1024)):
        assert _archive(engine, name, "/tmp", "PUT", body=packed).status == 200
    for broken, words in (
        (b"garbage" * 1000, "archive/tar: invalid tar header"),
        (b"garbage", "unexpected EOF"),
        (whole[:2000], "unexpected EOF"),
        (gzip.compress(whole)[:60], "unexpected EOF"),
    ):
        answer = _archive(engine, name, "/tmp", "PUT", body=broken)
        assert (answer.status, answer.message) == (400, words)
    assert _archive(engine, name, "/etc/passwd", "PUT", body=whole).message == (
        "extraction point is not a directory"
    )


def test_kinds_are_kept_and_owners_given_where_that_is_asked_for(engine: Engine) -> None:
    name = engine.cli("wharf")("create", "-u", "1000:50", IMAGE, "true").ok()
    start = tar([directory("d"), Member("f", b"1", uid=7)])
    assert _archive(engine, name, "/tmp", "PUT", body=start, more="&copyUIDGID=1").status == 200
    with tarfile.open(fileobj=io.BytesIO(_archive(engine, name, "/tmp/f").body)) as archive:
        member = archive.getmember("f")
        assert (member.uid, member.gid) == (1000, 50)
    for members, words in (
        ([Member("d", b"1")], 'cannot overwrite directory "d" with non-directory "/tmp"'),
        ([directory("f")], 'cannot overwrite non-directory "f" with directory "/tmp"'),
    ):
        answer = _archive(engine, name, "/tmp", "PUT", body=tar(members), more="&noOverwriteDirNonDir=true")
        assert (answer.status, answer.message) == (400, words)
        assert _archive(engine, name, "/tmp", "PUT", body=tar(members)).status == 200
    unknown = engine.cli("wharf")("create", "-u", "nobody-here", IMAGE, "true").ok()
    answer = _archive(engine, unknown, "/tmp", "PUT", body=start, more="&copyUIDGID=1")
    words = 'failed to look up user "nobody-here" in container: no matching entries in passwd file'
    assert (answer.status, answer.message) == (400, words)


@contextlib.contextmanager
def _putting(engine: Engine, name: str, path: str) -> Iterator[list[int]]:
    """Copy into a path again and again beside the test; the statuses."""
    statuses: list[int] = []
    over = threading.Event()

    def work() -> None:
        body = tar([Member("written", b"1"), directory("made")])
        while not over.is_set():
            statuses.append(_archive(engine, name, path, "PUT", body=body).status)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join()


def test_no_race_of_a_container_leads_out_of_it(engine: Engine, marker: Path) -> None:
    swap = (
        f"mkdir -p /a/real/x /b; echo inside > /a/real/x/secret; ln -s {marker.parent} /a/link; "
        "ln -s /a/real /a/cur; (while :; do ln -sfn /a/link /a/cur; ln -sfn /a/real /a/cur; "
        "mv /a/real/x /a/real/y; ln -s /../../../.. /a/real/x; rm /a/real/x; mv /a/real/y /a/real/x; done) & "
    )
    name = _run(engine, script=swap)
    with _putting(engine, name, "/a/cur/x") as statuses:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for path in ("/a/cur/marker/secret", "/a/cur/x/secret", "/a/real/x/."):
                answer = _archive(engine, name, path)
                assert _SECRET.encode() not in answer.body
                assert answer.status in (200, 400, 404)
    assert set(statuses) <= {200, 400, 404}
    assert len(statuses) > 3
    assert os.listdir(marker) == ["secret"]
    assert sorted(os.listdir(marker.parent)) == ["marker"]


def test_a_client_that_leaves_changes_nothing(own_engine: OwnEngine) -> None:
    name = own_engine.cli("wharf")("create", IMAGE, "true").ok()
    body = tar([Member("big", bytes(1 << 20))])
    with own_engine.http.open() as half:
        head = f"PUT /containers/{name}/archive?path=/tmp HTTP/1.1\r\nHost: d\r\n"
        half.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: 1 << 19])
    assert _archive(own_engine, name, "/tmp/big").status == 404
    assert _archive(own_engine, name, "/tmp", "PUT", body=body).status == 200
    with own_engine.http.open() as half:
        half.sendall(f"GET /containers/{name}/archive?path=/ HTTP/1.1\r\nHost: d\r\n\r\n".encode())
        assert half.recv(100).startswith(b"HTTP/1.1 200")


def test_a_full_disk_is_told_and_nothing_is_left(small_engine: OwnEngine) -> None:
    cli = small_engine.cli("wharf")
    name = cli("create", IMAGE, "true").ok()
    before = {path for path in small_engine.data_root.rglob("*") if "snapshots" not in path.parts}
    answer = _archive(small_engine, name, "/tmp", "PUT", body=tar([Member("big", bytes(80 << 20))]))
    assert answer.status == 500
    assert "no space left on device" in answer.message
    after = {path for path in small_engine.data_root.rglob("*") if "snapshots" not in path.parts}
    assert after == before
    assert cli("run", "--rm", IMAGE, "echo", "whole").ok() == "whole"


def test_diff_tells_what_changed(engine: Engine, cli: Cli) -> None:
    script = (
        "mkdir /newd; echo a > /newd/f; chmod 700 /etc; rm -rf /var; mkdir -p /var/x; rm /bin/ls; "
        "touch /bin/busybox; ln -s a /bin/cat2; "
    )
    name = _run(engine, script=script)
    changed = cli("diff", name).ok().splitlines()
    expected = ["C /bin", "C /bin/busybox", "A /bin/cat2", "D /bin/ls", "C /etc", "A /newd", "A /newd/f"]
    assert [line for line in changed if "/var" not in line] == expected
    assert "A /var/x" in changed
    untouched = cli("create", IMAGE, "true").ok()
    assert cli("diff", untouched).out == ""
    assert cli("diff", "").err.strip() == "Container name cannot be empty"


def test_export_gives_the_root_without_what_is_mounted(engine: Engine, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bound").mkdir()
    name = _run(engine, "-v", f"{tmp_path}/bound:/data", script="echo x > /data/in; echo y > /own; ")
    cli("export", "-o", str(tmp_path / "out.tar"), name).ok()
    with tarfile.open(tmp_path / "out.tar") as archive:
        names = archive.getnames()
        own = archive.extractfile("own")
        assert own is not None
        assert own.read() == b"y\n"
    assert {"data", "etc/hosts", ".dockerenv", "own"} <= set(names)
    assert "data/in" not in names
    assert cli("export", name).raw[257:262] == b"ustar"
    assert cli("export", "-o", "/no-such/x", name).code == 1


def test_cp_goes_both_ways_by_both_clients(engine: Engine, cli: Cli, tmp_path: Path) -> None:
    name = _run(engine)
    source = tmp_path / "from"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "f").write_text("local")
    os.symlink("sub/f", source / "link")
    cli("cp", str(source), f"{name}:/new").ok()
    cli("cp", str(source), f"{name}:/new").ok()
    cli("cp", f"{source}/.", f"{name}:/other").ok()
    cli("cp", "-L", str(source / "link"), f"{name}:/followed").ok()
    told = engine.cli("wharf")("exec", name, "sh", "-c", "find /new /other | sort; cat /followed").ok()
    assert told.split() == [
        *("/new", "/new/from", "/new/from/link", "/new/from/sub", "/new/from/sub/f"),
        *(
            "/new/link",
            "/new/sub",
            "/new/sub/f",
            "/other",
            "/other/link",
            "/other/sub",
            "/other/sub/f",
            "local",
        ),
    ]
    out = tmp_path / "out"
    out.mkdir()
    cli("cp", f"{name}:/d/sub", str(out)).ok()
    cli("cp", f"{name}:/d/sub/f", str(out / "renamed")).ok()
    cli("cp", "-L", f"{name}:/d/l", str(out / "followed")).ok()
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == [
        "followed",
        "followed/f",
        "renamed",
        "sub",
        "sub/f",
    ]
    streamed = cli("cp", f"{name}:/d/sub/f", "-").raw
    assert cli("cp", "-", f"{name}:/tmp", stdin=streamed).code == 0
    assert engine.cli("wharf")("exec", name, "cat", "/tmp/f").ok() == "hi"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("a", "b"), "must specify at least one container source"),
        (("x:/a", "y:/b"), "copying between containers is not supported"),
        (("", "y:/b"), "source can not be empty"),
        (("{c}:/nope", "{t}/x"), _DAEMON + "Could not find the file /nope in container {c}"),
        (("{c}:/d", "/no-such/x"), 'invalid output path: directory "/no-such" does not exist'),
        (("{c}:/d", "{t}/file"), "cannot copy directory"),
        (("{c}:/d/sub/f", "{t}/x/"), "no such directory"),
        (("{t}/nope", "{c}:/"), "lstat {t}/nope: no such file or directory"),
        (("{t}/file", "{c}:/nope/x"), _DAEMON + "Could not find the file /nope in container {c}"),
        (("-", "{c}:/etc/passwd"), 'destination "{c}:/etc/passwd" must be a directory'),
        (
            ("{c}:/d/sub/f", "/dev/null"),
            'invalid output path: "/dev/null" must be a directory or a regular file: got a device',
        ),
    ],
)
def test_cp_says_what_is_wrong(
    engine: Engine, cli: Cli, tmp_path: Path, words: tuple[str, str], error: str
) -> None:
    cli("create", "--name", "wt-cp", IMAGE, "true").ok()
    made = tar([directory("d"), directory("d/sub"), Member("d/sub/f", b"1")])
    assert _archive(engine, "wt-cp", "/", "PUT", body=made).status == 200
    (tmp_path / "file").write_text("x")
    done = cli("cp", *(word.format(c="wt-cp", t=tmp_path) for word in words), stdin=b"")
    assert (done.code, done.err.strip().splitlines()[-1]) == (1, error.format(c="wt-cp", t=tmp_path))


def test_a_committed_image_runs_and_says_where_it_came_from(engine: Engine, cli: Cli) -> None:
    name = _run(engine, "-l", "k=v", "-e", "A=1")
    made = cli(
        *("commit", "-a", "me", "-m", "why", "-c", 'CMD ["cat", "/d/sub/f"]', "-c", "ENV B=2"),
        *(name, "wt-made:1"),
    ).ok()
    assert cli("run", "--rm", "wt-made:1").ok() == "hi"
    found = json.loads(cli("inspect", made).ok())[0]
    assert (found["Author"], found["Comment"], found["RepoTags"]) == ("me", "why", ["wt-made:1"])
    assert found["Config"]["Labels"] == {"k": "v"}
    assert {"A=1", "B=2"} <= set(found["Config"]["Env"])
    assert len(found["RootFS"]["Layers"]) == 2
    history = cli("history", "--format", "{{.ID}} {{.Comment}}", made).ok().splitlines()
    assert history[0].endswith(" why")
    below = cli("history", "-q", IMAGE).ok().splitlines()
    assert len(history) == 1 + len(below)
    assert cli("inspect", "-f", "{{.State.Status}}", name).ok() == "running"
    assert cli("save", "wt-made:1").raw[257:262] == b"ustar"
    refused = cli("commit", "-c", "RUN x", name)
    assert refused.err.strip() == "Error response from daemon: RUN is not a valid change command"


def test_a_container_that_changed_nothing_gives_an_image_without_another_layer(engine: Engine) -> None:
    cli = engine.cli("wharf")
    name = cli("create", IMAGE, "true").ok()
    made = cli("commit", name, "wt-same").ok()
    layers = "{{len .RootFS.Layers}}"
    assert cli("inspect", "-f", layers, made).ok() == cli("inspect", "-f", layers, IMAGE).ok()


def test_several_commits_at_a_time_share_one_pause(engine: Engine) -> None:
    name = _run(engine)

    def commit(tag: int) -> int:
        return engine.http("POST", f"/commit?container={name}&repo=wt-many&tag={tag}").status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(commit, range(4))) == [201] * 4
    assert engine.cli("wharf")("inspect", "-f", "{{.State.Status}}", name).ok() == "running"
    told = engine.cli("wharf")("run", "--rm", "wt-many:3", "cat", "/d/sub/f").ok()
    assert told == "hi"


def test_a_paused_container_stays_paused_when_it_is_committed(engine: Engine) -> None:
    cli = engine.cli("wharf")
    name = _run(engine)
    cli("pause", name).ok()
    cli("commit", name, "wt-paused").ok()
    assert cli("inspect", "-f", "{{.State.Status}}", name).ok() == "paused"
    assert _names(_archive(engine, name, "/d/sub/f")) == ["f"]
    cli("unpause", name).ok()


def test_events_tell_what_was_done_with_files(engine: Engine) -> None:
    cli = engine.cli("wharf")
    start = f"{time.time():.9f}"
    name = _run(engine, "--name", "wt-events")
    _archive(engine, name, "/d/sub/f")
    _archive(engine, name, "/tmp", "PUT", body=tar([Member("x", b"1")]))
    engine.http("GET", f"/containers/{name}/export")
    image = cli("commit", "-m", "why", name, "wt-events:1").ok()
    lines = cli("events", "--since", start, "--until", f"{time.time():.9f}", "--format", "{{json .}}").ok()
    told = [json.loads(line) for line in lines.splitlines()]
    about = [
        each
        for each in told
        if each["Action"] not in {"create", "start", "attach", "connect"} or each["Type"] == "image"
    ]
    done = [(each["Type"], each["Action"]) for each in about]
    assert done == [
        ("container", "archive-path"),
        ("container", "extract-to-dir"),
        ("container", "export"),
        ("container", "pause"),
        ("image", "create"),
        ("image", "tag"),
        ("container", "commit"),
        ("container", "unpause"),
    ]
    attributes = about[6]["Actor"]["Attributes"]
    assert attributes == {
        "comment": "why",
        "image": IMAGE,
        "imageID": image,
        "imageRef": "wt-events:1",
        "name": "wt-events",
    }
