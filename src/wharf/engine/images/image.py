"""An image as the engine knows it: read from its config document, never changed.

Of the document only what tells how to run a process is taken (Env, Cmd, Entrypoint, WorkingDir, User,
ExposedPorts, Volumes, Labels, StopSignal, Healthcheck, Shell, OnBuild); whatever else it holds is data, kept
in its bytes and without effect. Environment entries without `=` would take a value from the host, and are
dropped.
"""

from dataclasses import dataclass

import msgspec

from wharf import limits
from wharf.content.layer import chain_id
from wharf.engine.images.errors import BadImage, PlatformMismatch
from wharf.registry.platform import Platform
from wharf.schema.digest import Digest, InvalidDigest
from wharf.schema.image import ImageConfig
from wharf.schema.oci import ImageFile, ImageRunConfig
from wharf.schema.timestamp import from_rfc3339

_decoder = msgspec.json.Decoder(ImageFile)


@dataclass(frozen=True, slots=True)
class Image:
    """One image. Times are nanoseconds since 1970, 0 when not said; `chain_id` is None without layers."""

    digest: Digest
    file: ImageFile
    config: ImageConfig
    diff_ids: tuple[Digest, ...]
    created: int
    parent: Digest | None = None
    last_tagged: int = 0

    @property
    def id(self) -> str:
        """`sha256:<hex>`, as plain text."""
        return str(self.digest)

    @property
    def chain_id(self) -> str | None:
        """The chain of all its layers."""
        chain: str | None = None
        for diff_id in self.diff_ids:
            chain = chain_id(chain, diff_id)
        return chain

    @property
    def chain_ids(self) -> list[str]:
        """The chains of its layers, the whole one first."""
        chains: list[str] = []
        for diff_id in self.diff_ids:
            chains.append(chain_id(chains[-1] if chains else None, diff_id))
        return chains[::-1]

    @property
    def platform(self) -> Platform:
        """The machine it is for."""
        return Platform.of_image(self.file.os, self.file.architecture, self.file.variant)

    def check_platform(self, wanted: Platform, name: str) -> None:
        """Raise PlatformMismatch unless the image, called `name`, is what runs on `wanted`."""
        if not wanted.can_run(self.platform):
            raise PlatformMismatch(name, str(self.platform), str(wanted))

    @property
    def comment(self) -> str:
        """Its own comment, or that of its last step."""
        history = self.file.history or []
        return self.file.comment or (history[-1].comment if history else "")


def parse(raw: bytes, *, parent: Digest | None = None, last_tagged: int = 0) -> Image:
    """Return the image that the config document `raw` describes; raises BadImage."""
    if len(raw) > limits.IMAGE_CONFIG:
        raise BadImage(f"image config is longer than {limits.IMAGE_CONFIG} bytes")
    try:
        file = _decoder.decode(raw)
        diff_ids = tuple(Digest.parse(diff_id) for diff_id in file.rootfs.diff_ids)
        created = from_rfc3339(file.created) if file.created else 0
    except (msgspec.DecodeError, InvalidDigest, ValueError, RecursionError) as error:
        raise BadImage(f"invalid image config: {error}") from error
    if file.os not in ("linux", ""):
        raise BadImage(f'cannot use an image for "{file.os}": operating system is not supported')
    if file.rootfs.type != "layers":
        raise BadImage("invalid image JSON, no RootFS key")
    if len(diff_ids) > limits.LAYERS:
        raise BadImage("max depth exceeded")
    if sum(not step.empty_layer for step in file.history or []) > len(diff_ids):
        raise BadImage("too many non-empty layers in History section")
    config = _run_config(file.config or ImageRunConfig())
    return Image(Digest.of(raw), file, config, diff_ids, created, parent, last_tagged)


def _run_config(config: ImageRunConfig) -> ImageConfig:
    return ImageConfig(
        args_escaped=config.args_escaped,
        cmd=config.cmd,
        entrypoint=config.entrypoint,
        env=None if config.env is None else [entry for entry in config.env if "=" in entry.lstrip("=")],
        exposed_ports={port: {} for port in config.exposed_ports or ()},
        healthcheck=config.healthcheck,
        labels=config.labels,
        on_build=config.on_build,
        shell=config.shell or [],
        stop_signal=config.stop_signal,
        user=config.user,
        volumes=None if config.volumes is None else {path: {} for path in config.volumes},
        working_dir=config.working_dir,
    )
