"""Where the engine keeps things: every path below the data root and the exec root is made here."""

import os
from typing import NamedTuple


class Paths(NamedTuple):
    """The two roots, and what stands where below them."""

    data_root: str
    exec_root: str

    @property
    def database(self) -> str:
        """The SQLite file."""
        return f"{self.data_root}/engine.db"

    @property
    def content(self) -> str:
        """The content store's folder."""
        return f"{self.data_root}/content"

    @property
    def snapshots(self) -> str:
        """The overlay layers' folder."""
        return f"{self.data_root}/snapshots"

    @property
    def docker_init(self) -> str:
        """The program that `--init` puts first; below the data root, since /run may forbid execution."""
        return f"{self.data_root}/docker-init"

    @property
    def temporary(self) -> str:
        """Uploads and other files that no restart keeps."""
        return f"{self.data_root}/tmp"

    @property
    def containers(self) -> str:
        """The containers' folders."""
        return f"{self.data_root}/containers"

    @property
    def volumes(self) -> str:
        """The volumes' folders."""
        return f"{self.data_root}/volumes"

    @property
    def bundles(self) -> str:
        """The bundles of containers that run."""
        return f"{self.exec_root}/containers"

    @property
    def keeper(self) -> str:
        """The keeper's folder, with its socket."""
        return f"{self.exec_root}/keeper"

    @property
    def seccomp_cache(self) -> str:
        """Compiled seccomp programs."""
        return f"{self.exec_root}/seccomp"

    def container(self, container_id: str) -> str:
        """The folder with a container's log and generated files."""
        return f"{self.containers}/{container_id}"

    def log(self, container_id: str) -> str:
        """The json-file log of a container."""
        return f"{self.containers}/{container_id}/{container_id}-json.log"

    def local_log(self, container_id: str) -> str:
        """The `local` log of a container, and the copy of one that is sent away."""
        return f"{self.containers}/{container_id}/local-logs/container.log"

    def bundle(self, container_id: str) -> str:
        """The OCI bundle of a run."""
        return f"{self.bundles}/{container_id}"

    def make(self) -> None:
        """Make the folders, closed to everybody but root whatever the umask."""
        for path, mode in (
            (self.data_root, 0o710),
            (self.exec_root, 0o711),
            (self.content, 0o700),
            (self.snapshots, 0o700),
            (self.temporary, 0o700),
            (self.containers, 0o710),
            (self.bundles, 0o700),
            (self.seccomp_cache, 0o700),
            (self.keeper, 0o700),
        ):
            if not os.path.isdir(path):
                os.makedirs(path, exist_ok=True)
                os.chmod(path, mode)
