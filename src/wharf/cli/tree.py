"""The tree of commands: paths, modules and one-line descriptions; no command is imported here.

A command may have two paths (`container ls` and `ps`) and further names within its group (`container list`).
Paths of Docker's commands that are not there yet are listed too, so that they can be told from mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator


class Row:
    """One command: `path` in its group, `others` its further names there, `top` its name outside it.

    `hidden` ones stand in no list of commands.
    """

    __slots__ = ("hidden", "module", "others", "path", "rank", "short", "top")

    def __init__(
        self,
        path: str,
        module: str,
        short: str,
        *,
        top: str = "",
        others: tuple[str, ...] = (),
        rank: int = 0,
        hidden: bool = False,
    ) -> None:
        self.path = path
        self.module = module
        self.short = short
        self.top = top
        self.others = others
        self.rank = rank
        self.hidden = hidden

    @property
    def group(self) -> str:
        """The group of `path`, empty for a command without one."""
        return self.path.rpartition(" ")[0]

    def paths(self) -> Iterator[tuple[str, str]]:
        """Yield each path that leads here, with the one that messages and usage lines use for it."""
        yield self.path, self.path
        for name in self.others:
            yield f"{self.group} {name}", self.path
        if self.top:
            yield self.top, self.top

    def aliases(self, program: str) -> str:
        """Return the line of the help that lists all paths; empty if there is only one."""
        paths = [path for path, _ in self.paths()]
        return ", ".join(f"{program} {path}" for path in paths) if len(paths) > 1 else ""


GROUPS = {
    "container": "Manage containers",
    "image": "Manage images",
    "manifest": "Manage Docker image manifests and manifest lists",
    "network": "Manage networks",
    "registry": "Serve a registry",
    "system": "Manage Docker",
    "volume": "Manage volumes",
}

ROWS = (
    Row("container run", "run", "Create and run a new container from an image", top="run", rank=1),
    Row("container exec", "exec", "Execute a command in a running container", top="exec", rank=2),
    Row("container ls", "ps", "List containers", top="ps", others=("list", "ps"), rank=3),
    Row("image pull", "pull", "Download an image from a registry", top="pull", rank=5),
    Row("image push", "push", "Upload an image to a registry", top="push", rank=6),
    Row("image ls", "images", "List images", top="images", others=("list",), rank=7),
    Row("search", "search", "Search Docker Hub for images", rank=10),
    Row("login", "login", "Authenticate to a registry", rank=8),
    Row("logout", "logout", "Log out from a registry", rank=9),
    Row("version", "version", "Show the Docker version information", rank=11),
    Row("system info", "info", "Display system-wide information", top="info", rank=12),
    Row(
        "container attach",
        "attach",
        "Attach local standard input, output, and error streams to a running container",
        top="attach",
    ),
    Row(
        "container commit",
        "commit",
        "Create a new image from a container's changes",
        top="commit",
    ),
    Row(
        "container cp",
        "cp",
        "Copy files/folders between a container and the local filesystem",
        top="cp",
    ),
    Row("container create", "create", "Create a new container", top="create"),
    Row(
        "container diff",
        "diff",
        "Inspect changes to files or directories on a container's filesystem",
        top="diff",
    ),
    Row(
        "container export",
        "export",
        "Export a container's filesystem as a tar archive",
        top="export",
    ),
    Row("system events", "events", "Get real time events from the server", top="events"),
    Row("image history", "history", "Show the history of an image", top="history"),
    Row(
        "image import",
        "import_image",
        "Import the contents from a tarball to create a filesystem image",
        top="import",
    ),
    Row("inspect", "inspect", "Return low-level information on Docker objects"),
    Row("container kill", "kill", "Kill one or more running containers", top="kill"),
    Row("image load", "load", "Load an image from a tar archive or STDIN", top="load"),
    Row("container logs", "logs", "Fetch the logs of a container", top="logs"),
    Row("container pause", "pause", "Pause all processes within one or more containers", top="pause"),
    Row(
        "container port",
        "port",
        "List port mappings or a specific mapping for the container",
        top="port",
    ),
    Row("container rename", "rename", "Rename a container", top="rename"),
    Row("container restart", "restart", "Restart one or more containers", top="restart"),
    Row("container rm", "rm", "Remove one or more containers", top="rm", others=("remove",)),
    Row("image rm", "rmi", "Remove one or more images", top="rmi", others=("remove",)),
    Row(
        "image save",
        "save",
        "Save one or more images to a tar archive (streamed to STDOUT by default)",
        top="save",
    ),
    Row("container start", "start", "Start one or more stopped containers", top="start"),
    Row("container stop", "stop", "Stop one or more running containers", top="stop"),
    Row(
        "image tag",
        "tag",
        "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        top="tag",
    ),
    Row(
        "container stats",
        "stats",
        "Display a live stream of container(s) resource usage statistics",
        top="stats",
    ),
    Row("container top", "top", "Display the running processes of a container", top="top"),
    Row(
        "container update",
        "update",
        "Update configuration of one or more containers",
        top="update",
    ),
    Row("container unpause", "unpause", "Unpause all processes within one or more containers", top="unpause"),
    Row(
        "container wait",
        "wait",
        "Block until one or more containers stop, then print their exit codes",
        top="wait",
    ),
    Row(
        "container inspect",
        "container_inspect",
        "Display detailed information on one or more containers",
    ),
    Row("container prune", "container_prune", "Remove all stopped containers"),
    Row("image inspect", "image_inspect", "Display detailed information on one or more images"),
    Row("manifest annotate", "manifest_annotate", "Add additional information to a local image manifest"),
    Row(
        "manifest create",
        "manifest_create",
        "Create a local manifest list for annotating and pushing to a registry",
    ),
    Row("manifest inspect", "manifest_inspect", "Display an image manifest, or manifest list"),
    Row("manifest push", "manifest_push", "Push a manifest list to a repository"),
    Row("manifest rm", "manifest_rm", "Delete one or more manifest lists from local storage"),
    Row("network connect", "network_connect", "Connect a container to a network"),
    Row("network create", "network_create", "Create a network"),
    Row("network disconnect", "network_disconnect", "Disconnect a container from a network"),
    Row(
        "network inspect",
        "network_inspect",
        "Display detailed information on one or more networks",
    ),
    Row("system df", "system_df", "Show docker disk usage"),
    Row("image prune", "image_prune", "Remove unused images"),
    Row("network ls", "network_ls", "List networks", others=("list",)),
    Row("network prune", "network_prune", "Remove all unused networks"),
    Row("network rm", "network_rm", "Remove one or more networks", others=("remove",)),
    Row("volume create", "volume_create", "Create a volume"),
    Row("volume inspect", "volume_inspect", "Display detailed information on one or more volumes"),
    Row("volume ls", "volume_ls", "List volumes", others=("list",)),
    Row("volume prune", "volume_prune", "Remove unused local volumes"),
    Row("volume rm", "volume_rm", "Remove one or more volumes", others=("remove",)),
    Row("volume update", "volume_update", "Update a volume (cluster volumes only)", hidden=True),
    Row("system stop-engine", "stop_engine", "End the engine that listens on the default socket"),
    Row("registry serve", "registry_serve", "Serve a registry in the foreground"),
    Row("daemon", "daemon", "Run the engine in the foreground"),
)

NOT_YET = frozenset({
    "build", "builder", "checkpoint", "compose", "buildx", "context",
    "plugin", "trust", "config", "node", "secret", "service", "stack", "swarm",
    "image build",
    "system prune", "system dial-stdio",
})  # fmt: skip
"""Docker's commands that are not there yet."""


def find(path: str) -> tuple[Row, str] | None:
    """Return the row that `path` leads to and the path that messages use for it."""
    for row in ROWS:
        for known, canonical in row.paths():
            if known == path:
                return row, canonical
    return None
