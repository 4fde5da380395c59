"""`manifest`: lists that are put together here, of images that are in a registry."""

import base64
import hashlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from cli_kit import Ran, wharf

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class Registry(socketserver.ThreadingTCPServer):
    """A registry of manifests by repository and name, that wants a password where one is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.mounted: list[tuple[str, str]] = []
        self.authorization = ""
        self.mounts = True

    def handle_error(self, *_details: object) -> None:
        """Keep silent: who asks for TLS breaks off."""

    def put(self, name: str, *, architecture: str = "amd64", kind: str = DOCKER) -> str:
        """Have an image; return its digest."""
        config = json.dumps({"architecture": architecture, "os": "linux"}).encode()
        self.blobs[digest_of(config)] = config
        body = json.dumps({
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {"mediaType": "config", "size": len(config), "digest": digest_of(config)},
            "layers": [{"mediaType": "layer", "size": 5, "digest": digest_of(b"layer")}],
        }, indent=3).encode()  # fmt: skip
        self.manifests[name] = kind, body
        repository = name.rpartition(":")[0]
        self.manifests[f"{repository}:{digest_of(body)}"] = kind, body
        return digest_of(body)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words: object) -> None:
        """Keep silent."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_refused(self) -> bool:
        wanted = self.server.authorization
        if not wanted or self.headers.get("Authorization") == wanted:
            return False
        self._answer(401, WWW_Authenticate='Basic realm="here"')
        return True

    def do_GET(self) -> None:
        if self._is_refused():
            return
        parts = self.path.split("/")
        if self.path == "/v2/":
            self._answer(200)
        elif "/blobs/" in self.path:
            self._answer(307, Location=f"/elsewhere/{parts[-1]}")
        elif self.path.startswith("/elsewhere/"):
            self._answer(200, self.server.blobs[parts[-1]])
        else:
            kind, body = self.server.manifests.get(f"{'/'.join(parts[2:-2])}:{parts[-1]}", ("", b""))
            missing = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}).encode()
            self._answer(200, body, Content_Type=kind) if kind else self._answer(404, missing)

    def do_PUT(self) -> None:
        parts = self.path.split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        self.server.manifests[f"{'/'.join(parts[2:-2])}:{parts[-1]}"] = kind, body
        self._answer(201)

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.server.mounted.append((query["from"][0], query["mount"][0]))
        self._answer(201 if self.server.mounts else 202, Location="/v2/app/blobs/uploads/1")

    def do_DELETE(self) -> None:
        self.server.mounted.append(("", self.path))
        self._answer(204)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def manifest(*words: str) -> Ran:
    return wharf("manifest", *words)


def made(registry: Registry) -> str:
    """Make a list of two images, one of them of another repository; return its name."""
    registry.put("app:amd")
    registry.put("other/app:arm", architecture="arm64")
    name = f"{registry.host}/app:all"
    done = manifest(
        "create", "--insecure", name, f"{registry.host}/app:amd", f"{registry.host}/other/app:arm"
    )
    assert done == Ran(0, f"Created manifest list {name}\n", "")
    return name


def test_a_list_is_kept_where_docker_keeps_it(registry: Registry, tmp_path: Path) -> None:
    made(registry)
    folder = tmp_path / "manifests" / f"{registry.host.replace(':', '-')}_app-all"
    files = sorted(path.name for path in folder.iterdir())
    prefix = registry.host.replace(":", "-")
    assert files == [f"{prefix}_app-amd", f"{prefix}_other_app-arm"]
    kept = json.loads((folder / f"{prefix}_app-amd").read_text())
    kind, body = registry.manifests["app:amd"]
    assert list(kept) == ["Ref", "Descriptor", "Raw", "SchemaV2Manifest"]
    assert base64.b64decode(kept["Raw"]) == body
    assert kept["Descriptor"] == {
        "mediaType": kind,
        "digest": digest_of(body),
        "size": len(body),
        "platform": {"architecture": "amd64", "os": "linux"},
    }
    assert [path.name for path in (tmp_path / "manifests").iterdir()] == [folder.name]


def test_pushing_mounts_what_the_repository_lacks(registry: Registry) -> None:
    name = made(registry)
    foreign = digest_of(registry.manifests["other/app:arm"][1])
    pushed = manifest("push", "-p", name)
    kind, body = registry.manifests["app:all"]
    assert pushed.stdout == (
        f"Pushed ref {registry.host}/app@{foreign} with digest: {foreign}\n{digest_of(body)}\n"
    )
    assert kind == "application/vnd.docker.distribution.manifest.list.v2+json"
    entries = json.loads(body)["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]
    assert registry.manifests[f"app:{foreign}"] == registry.manifests["other/app:arm"]
    config = digest_of(json.dumps({"architecture": "arm64", "os": "linux"}).encode())
    assert registry.mounted == [("other/app", config), ("other/app", digest_of(b"layer"))]
    assert manifest("push", name) == Ran(1, "", f"No such manifest: {name}\n")


def test_a_blob_that_cannot_be_mounted_ends_the_push(registry: Registry) -> None:
    name = made(registry)
    registry.mounts = False
    config = digest_of(json.dumps({"architecture": "arm64", "os": "linux"}).encode())
    message = f"error mounting {registry.host}/other/app@{config} to {name}\n"
    assert manifest("push", name) == Ran(1, "", message)
    assert registry.mounted[-1] == ("", "/v2/app/blobs/uploads/1")
    assert "app:all" not in registry.manifests


def test_annotations_change_what_a_list_says(registry: Registry) -> None:
    name = made(registry)
    image = f"{registry.host}/other/app:arm"
    flags = ("--arch", "arm", "--variant", "v6", "--os-features", "a,b", "--os-features", "b")
    assert manifest("annotate", name, image, *flags, "--os-version", "5") == Ran(0, "", "")
    shown = json.loads(manifest("inspect", name).stdout)["manifests"][1]["platform"]
    assert list(shown.items()) == [
        ("architecture", "arm"),
        ("os", "linux"),
        ("os.version", "5"),
        ("os.features", ["a", "b"]),
        ("variant", "v6"),
    ]
    wrong = manifest("annotate", name, image, "--arch", "zzz")
    assert wrong.stderr == "manifest entry for image has unsupported os/arch combination: /zzz\n"
    gone = manifest("annotate", name, "nope", "--arch", "arm")
    assert gone.stderr == f"manifest for image nope does not exist in {name}\n"


def test_inspect_shows_what_is_in_a_registry(registry: Registry) -> None:
    digest = registry.put("app:oci", kind=OCI)
    _, body = registry.manifests["app:oci"]
    name = f"{registry.host}/app"
    assert manifest("inspect", "--insecure", f"{name}:oci").stdout == (
        json.dumps(json.loads(body), indent="\t") + "\n"
    )
    entry = {"mediaType": OCI, "size": len(body), "digest": digest}
    platform = {"architecture": "arm", "os": "linux", "variant": "v7"}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**entry, "platform": platform}]}
    registry.manifests["app:multi"] = INDEX, json.dumps(index).encode()
    assert manifest("inspect", "--insecure", f"{name}:multi").stdout == json.dumps(index, indent=3) + "\n"
    verbose = json.loads(manifest("inspect", "--insecure", "-v", f"{name}:multi").stdout)
    assert verbose[0]["Ref"] == f"{name}:multi@{digest}"
    assert verbose[0]["Descriptor"]["platform"] == platform
    assert verbose[0]["OCIManifest"] == json.loads(body)


def test_refusals_have_dockers_words(registry: Registry) -> None:
    registry.put("app:amd")
    host = registry.host
    registry.manifests["app:multi"] = INDEX, b'{"manifests": []}'
    zeros = "sha256:" + "0" * 64

    def refused(*words: str) -> str:
        done = manifest(*words)
        assert (done.status, done.stdout) == (1, "")
        return done.stderr

    assert refused("inspect", f"{host}/app:amd") == f"no such manifest: {host}/app:amd\n"
    assert refused("inspect", "--insecure", f"{host}/nope") == f"no such manifest: {host}/nope:latest\n"
    assert refused("create", "--insecure", f"{host}/app:x", f"{host}/app:multi") == (
        f"{host}/app:multi is a manifest list\n"
    )
    assert refused("create", "--insecure", f"{host}/app:x", f"{host}/app:amd@{zeros}") == (
        f"manifest verification failed for digest {zeros}\n"
    )
    assert refused("create", "UPP", "x") == (
        "error parsing name for manifest list UPP: "
        "invalid reference format: repository name (library/UPP) must be lowercase\n"
    )
    assert refused("rm", f"{host}/app:x", f"{host}/app:UP@x") == (
        f"No such manifest: {host}/app:x\ninvalid reference format\n"
    )
    name = made(registry)
    assert refused("create", name, f"{host}/app:amd") == (
        "refusing to amend an existing manifest list with no --amend flag\n"
    )
    elsewhere = host.replace("127.0.0.1", "localhost")
    assert manifest("create", "--insecure", f"{host}/app:y", f"{elsewhere}/app:amd").status == 0
    assert refused("push", f"{host}/app:y") == (
        f"cannot use source images from a different registry than the target image: {elsewhere} != {host}\n"
    )
    assert manifest("rm", name) == Ran(0, "", "")
    assert refused("inspect", name, f"{host}/app:amd") == f"No such manifest: {host}/app:amd\n"


def test_credentials_go_to_the_registry(registry: Registry, tmp_path: Path) -> None:
    registry.put("app:amd")
    registry.authorization = "Basic " + base64.b64encode(b"me:pw").decode()
    name = f"{registry.host}/app:amd"
    assert manifest("inspect", "--insecure", name).stderr == "no basic auth credentials\n"
    auths = {registry.host: {"auth": base64.b64encode(b"me:pw").decode()}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    assert manifest("inspect", "--insecure", name).status == 0
