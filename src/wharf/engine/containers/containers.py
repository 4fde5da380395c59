"""The containers of the engine, as the API speaks of them: references in, shapes of the Engine API out."""

import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Iterator, Sequence
from typing import NamedTuple

from wharf.engine.containers import (
    archive,
    attach,
    autostart,
    commit,
    connect,
    create,
    execs,
    files,
    inspect,
    links,
    listing,
    logs,
    naming,
    remove,
    start,
    stats,
    stop,
    top,
    update,
    wait,
)
from wharf.engine.containers.admission import check_name
from wharf.engine.containers.adopt import adopt_all
from wharf.engine.containers.attach import SocketClient
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.detach_keys import parse_detach_keys
from wharf.engine.containers.exec_instance import Exec
from wharf.engine.containers.prune import Pruner
from wharf.engine.containers.record import Status
from wharf.engine.containers.sizes import measure
from wharf.errors import Conflict, EngineError, Internal, InvalidParameter, NotFound, NotModified, kind_of
from wharf.schema.container import (
    ContainerConfig,
    ContainerCreateRequest,
    ContainerInspect,
    ContainersPruneReport,
    ContainerSummary,
    ContainerTop,
    FilesystemChange,
    PathStat,
    UpdateRequest,
    WaitResponse,
)
from wharf.schema.exec_ import ExecConfig, ExecInspect, ExecStartConfig
from wharf.schema.filters import Filters
from wharf.schema.network import EndpointSettings
from wharf.schema.stats import ContainerStats
from wharf.schema.stream import AttachOptions, LogOptions

Changes = list[FilesystemChange]
"""Inside of the class `list` is the method."""


class ContainerAttachment(NamedTuple):
    """A client that is about to join a container's streams; `connect` takes its socket over."""

    context: Context
    container: Container
    client: SocketClient
    past: LogOptions | None
    stays: bool

    @property
    def is_tty(self) -> bool:
        """Whether the streams are one raw terminal stream."""
        return self.container.record.config.tty

    async def connect(self, sock: socket.socket, leftover: bytes) -> None:
        """Hand the hijacked connection over."""
        await attach.join(
            self.context, self.container, sock, self.client, leftover, past=self.past, stays=self.stays
        )


class ExecAttachment(NamedTuple):
    """A client that is about to start an exec instance and join its streams."""

    context: Context
    instance: Exec
    size: tuple[int, int] | None

    @property
    def is_tty(self) -> bool:
        """Whether the streams are one raw terminal stream."""
        return self.instance.config.tty

    async def connect(self, sock: socket.socket, leftover: bytes) -> None:
        """Start the process with the hijacked connection as its streams; a failure is told on that."""
        await execs.start_attached(self.context, self.instance, sock, leftover, size=self.size)


@contextlib.contextmanager
def _told(failed: str) -> Iterator[None]:
    """Say of an error what failed, and for which container."""
    try:
        yield
    except NotModified:
        raise
    except EngineError as error:
        raise kind_of(error)(f"{failed}: {error}") from error


class Containers:
    """Implements the containers' and execs' part of the API; made by `daemon/`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pruner = Pruner()

    async def open(self) -> None:
        """Load the records, adopt what lives, sweep what nobody owns."""
        await adopt_all(self._context)
        if (names := self._context.networks.names) is not None:
            names.on_lost = self._find_keeper
            await naming.catch_up(self._context)

    def _find_keeper(self) -> None:
        self._context.tasks.start(naming.catch_up(self._context), name="tell the keeper")

    def start_due(self) -> None:
        """Begin to start what a restart policy starts at the engine's own start."""
        autostart.start_due(self._context)

    def _find(self, ref: str) -> Container:
        return self._context.index.find(ref)

    async def create(
        self, request: ContainerCreateRequest, *, name: str | None, platform: str | None
    ) -> tuple[str, list[str]]:
        """Create a container; returns its id and warnings."""
        container, warnings = await create.create(self._context, request, name=name, platform=platform)
        return container.id, warnings

    async def list(self, *, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]:  # noqa: A002 - the API's word
        """Return the containers asked for, newest first."""
        chosen = listing.choose(self._context, everything=all, limit=limit, filters=filters)
        measured = [await measure(self._context, each) for each in chosen] if size else None
        return listing.summaries(self._context, chosen, measured)

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        """Return everything about a container."""
        container = self._find(ref)
        measured = await measure(self._context, container) if size else None
        return inspect.inspect(self._context, container, measured)

    async def start(self, ref: str, *, detach_keys: str) -> None:
        """Start a container; NotModified where it runs."""
        if detach_keys:
            parse_detach_keys(detach_keys)
        await start.start(self._context, self._find(ref))

    async def stop(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        """Stop a container; NotModified where it does not run."""
        container = self._find(ref)
        with _told(f"cannot stop container: {ref}"):
            await stop.stop(self._context, container, signal=signal, timeout=timeout)

    async def restart(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        """Stop a container if it runs, and start it."""
        container = self._find(ref)
        with _told(f"Cannot restart container {ref}"), contextlib.suppress(NotModified):
            await stop.stop(self._context, container, signal=signal, timeout=timeout)
        try:
            await start.start(self._context, container)
        except NotModified:
            raise
        except EngineError as error:
            raise Internal(f"Cannot restart container {ref}: {error}") from error
        self._context.emit(container, "restart")

    async def kill(self, ref: str, *, signal: str) -> None:
        """Send a signal to a container's init."""
        try:
            container = self._find(ref)
        except NotFound as error:
            raise NotFound(f"cannot kill container: {ref}: {error}") from error
        await stop.kill(self._context, container, ref, signal)

    async def remove(self, ref: str, *, volumes: bool, force: bool, link: bool) -> None:
        """Remove a container."""
        if link:
            parent, alias = links.split(self._context, ref)
            async with parent.lock:
                await links.remove(self._context, parent, alias)
                if parent.is_alive:
                    files.remove_link(self._context, parent, alias)
            return
        await remove.remove(self._context, self._find(ref), force=force, volumes=volumes)

    async def prune(self, filters: Filters) -> ContainersPruneReport:
        """Remove every container that does not run."""
        return await self._pruner.prune(self._context, filters)

    async def rename(self, ref: str, name: str) -> None:
        """Give a container another name."""
        container = self._find(ref)
        if not name:
            raise InvalidParameter("Neither old nor new names may be empty")
        new = check_name(name)
        if new == container.name:
            raise InvalidParameter("Renaming a container with the same name as its current name")
        async with container.lock:
            try:
                self._context.index.reserve(new, container.id)
            except Conflict as error:
                raise Conflict(f"Error when allocating new name: {error}") from error
            old = container.name
            try:
                await self._context.index.rename(container, new)
            except BaseException:
                self._context.index.give_back(new)
                raise
            await naming.renamed(self._context, container)
        self._context.emit(container, "rename", {"oldName": f"/{old}"})

    async def connect(self, ref: str, network: str, settings: EndpointSettings) -> None:
        """Connect a container to a network."""
        await connect.connect(self._context, self._find(ref), network, settings)

    async def disconnect(self, ref: str, network: str, *, force: bool) -> None:
        """Take a container off a network; by force also one that is no more."""
        try:
            container = self._find(ref)
        except NotFound:
            if not force:
                raise
            await connect.force_away(self._context, network, ref)
            return
        await connect.disconnect(self._context, container, network)

    async def pause(self, ref: str) -> None:
        """Freeze a container."""
        await stop.pause(self._context, self._find(ref))

    async def unpause(self, ref: str) -> None:
        """Let a frozen container go on."""
        await stop.unpause(self._context, self._find(ref))

    async def resize(self, ref: str, *, height: int, width: int) -> None:
        """Tell a container's terminal its size."""
        container = self._find(ref)
        if container.run is None or not container.is_alive:
            raise Conflict(f"container {container.id} is not running")
        await container.run.shim.call("resize", height=height, width=width, exec=None)
        self._context.emit(container, "resize", {"height": str(height), "width": str(width)})

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        """Begin to wait; what is returned is awaited for the answer."""
        return wait.wait(self._find(ref), condition)

    async def attach(self, ref: str, options: AttachOptions) -> ContainerAttachment:
        """Check that a client may attach."""
        container = self._find(ref)
        attach.check_attachable(container, ref)
        past = LogOptions(stdout=options.stdout, stderr=options.stderr) if options.logs else None
        if past is not None:
            logs.check_readable(self._context, container)
        config = container.record.config
        client = SocketClient(
            stdin=options.stdin and options.stream and config.open_stdin,
            stdout=options.stdout and options.stream,
            stderr=options.stderr and options.stream,
            detach_keys=parse_detach_keys(options.detach_keys),
            framed=options.framed and not config.tty,
        )
        return ContainerAttachment(self._context, container, client, past, options.stream)

    async def changes(self, ref: str) -> Changes | None:
        """Return what a container has changed of its image; None for nothing."""
        found = await self._context.layers.difference(self._find(ref).id)
        return [
            FilesystemChange(path=path.decode("utf-8", "replace"), kind=kind) for kind, path in found
        ] or None

    async def export(self, ref: str) -> AsyncGenerator[bytes, None]:
        """Return the tar of a container's root, without what is mounted in it."""
        container = self._find(ref)
        if container.condition.status is Status.DEAD:
            raise Conflict(f"You cannot export container {container.id} which is Dead")
        if container.is_being_removed:
            raise Conflict(f"You cannot export container {container.id} which is being removed")
        pieces = self._context.layers.export(container.id)
        self._context.emit(container, "export")
        return pieces

    async def stat_path(self, ref: str, path: str) -> PathStat:
        """Return what is at a path of a container."""
        return await archive.stat_path(self._context, self._find(ref), ref, path)

    async def copy_out(self, ref: str, path: str) -> archive.Copied:
        """Return what is at a path of a container, with its tar."""
        return await archive.copy_out(self._context, self._find(ref), ref, path)

    async def copy_in(
        self, ref: str, path: str, stream: AsyncIterable[bytes], *, keep_kind: bool, copy_owner: bool
    ) -> None:
        """Unpack a tar into a folder of a container."""
        await archive.copy_in(
            self._context, self._find(ref), ref, path, stream, keep_kind=keep_kind, copy_owner=copy_owner
        )

    async def commit(
        self,
        ref: str,
        *,
        config: ContainerConfig | None,
        changes: Sequence[str],
        repository: str,
        tag: str,
        author: str,
        comment: str,
        pause: bool,
    ) -> str:
        """Make an image of a container; return its id."""
        if not ref:
            raise InvalidParameter('invalid name or ID supplied: ""')
        request = commit.CommitRequest(config, changes, repository, tag, author, comment, pause)
        return await commit.commit(self._context, self._find(ref), request)

    async def logs(self, ref: str, options: LogOptions) -> logs.LogStream:
        """Return a container's log."""
        return logs.logs(self._context, self._find(ref), options)

    async def update(self, ref: str, request: UpdateRequest) -> Sequence[str]:
        """Change a container's limits and restart policy; returns warnings."""
        asked, warnings = update.admit(request)
        await update.update(self._context, self._find(ref), asked)
        return warnings

    async def top(self, ref: str, ps_args: str) -> ContainerTop:
        """Return a container's processes as ps(1) shows them."""
        top.check_arguments(ps_args)
        return await top.top(self._context, self._find(ref), ps_args)

    async def stats(self, ref: str, *, stream: bool, one_shot: bool) -> AsyncIterator[ContainerStats]:
        """Return one look at what a container uses, or one every second."""
        return stats.stats(self._context, self._find(ref), stream=stream, one_shot=one_shot)


class Execs:
    """Implements the execs' part of the API."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, ref: str, config: ExecConfig) -> str:
        """Make an exec instance; returns its id."""
        made = await execs.create(self._context, self._context.index.find(ref), ref, config)
        return made.id

    async def start(self, exec_id: str, config: ExecStartConfig) -> ExecAttachment | None:
        """Start detached, or return what takes the client's connection."""
        found = execs.find(self._context, exec_id)
        size = config.console_size or found.config.console_size
        execs.check_startable(found)
        if config.detach:
            await execs.start(self._context, found, None, size=size)
            return None
        return ExecAttachment(self._context, found, size)

    async def inspect(self, exec_id: str) -> ExecInspect:
        """Return everything about an exec instance."""
        found = execs.find(self._context, exec_id)
        await execs.catch_up(found)
        return inspect.inspect_exec(found)

    async def resize(self, exec_id: str, *, height: int, width: int) -> None:
        """Tell an exec'd process's terminal its size."""
        found = execs.find(self._context, exec_id)
        run = found.container.run
        if run is None or not found.is_running:
            raise Conflict(f"exec {exec_id} is not running")
        await run.shim.call("resize", height=height, width=width, exec=exec_id)
