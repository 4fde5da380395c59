"""The keeper's life: a worker of the spawner that stays when wharfd goes.

wharfd speaks to it over `keeper.sock` in its folder below the exec root (0700, peer must be uid 0), with the
messages of ARCHITECTURE.md. Its descriptors are all that it has; wharfd gives it anew what it must know.
"""

import os
import signal
import socket

from wharf import errors
from wharf.failpoint import failpoint
from wharf.keeper.datagrams import Target
from wharf.keeper.places import Place
from wharf.keeper.ports import Held, hold
from wharf.keeper.resolver import Resolver, Settings, upstreams
from wharf.keeper.zone import Entry, Zone
from wharf.linux import prctl, seqpacket
from wharf.shim.loop import Loop
from wharf.shim.protocol import describe
from wharf.shim.record import note_failure
from wharf.shim.server import Answer, Server

SOCKET = "keeper.sock"
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)


def keep(args: dict[str, object], channel: socket.socket, fds: list[int]) -> None:
    """Serve at `keeper.sock` of the folder `args["folder"]` until told to end; a job of the spawner's."""
    seqpacket.close_all(fds)
    folder = str(args["folder"])
    os.setsid()
    os.chdir("/")
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    failpoint("keeper.begin")
    loop = Loop()
    server = Server(loop)
    server.listen(folder, SOCKET)
    keeper = Keeper(loop, server)
    server.on_request = keeper.take
    prctl.set_name("wharf-keeper")
    prctl.set_pdeathsig(0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    seqpacket.send(channel, {"event": "result"})
    channel.close()
    try:
        loop.run()
    except BaseException:
        note_failure(folder)
        raise


class Keeper:
    """What is kept, and who may ask for what."""

    def __init__(self, loop: Loop, server: Server) -> None:
        self._loop = loop
        self._server = server
        self._zone = Zone()
        self._home_fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._resolvers: dict[str, Resolver] = {}
        self._held: dict[str, list[Held]] = {}
        self._unheld: set[str] = set()
        """Containers whose ports nobody has asked for since `mark`."""
        self._marked: set[str] = set()
        """Resolvers of containers that nobody has asked for since `mark`."""

    def take(self, request: dict[str, object], fds: list[int], answer: Answer) -> None:
        """Carry a request out and answer it; raises ProtocolError for one that there is not."""
        try:
            answer({"result": self._carry_out(request, fds)})
        except (errors.EngineError, OSError) as error:
            answer({"error": describe(error)})

    def _carry_out(self, request: dict[str, object], fds: list[int]) -> dict[str, object]:
        match request:
            case {"op": "serve", "container": str(container), "settings": dict(settings)}:
                if len(fds) == 3:
                    self._serve(container, fds)
                self._set(container, settings)
            case {"op": "drop", "container": str(container)}:
                self._drop(container)
            case {"op": "serves", "container": str(container)}:
                self._marked.discard(container)
                return {"serves": container in self._resolvers}
            case {"op": "hold", "container": str(container), "targets": list(targets)} if len(targets) == len(
                fds
            ):
                held = hold(self._loop, fds, [_target(one) for one in targets])
                fds.clear()
                self._held.setdefault(container, []).extend(held)
            case {"op": "holds", "container": str(container)}:
                self._unheld.discard(container)
                return {"holds": container in self._held}
            case {"op": "unhold", "container": str(container)}:
                self._let_go(container)
            case {"op": "put", "entry": dict(entry)}:
                self._zone.put(_entry(entry))
            case {"op": "remove", "entry": str(entry)}:
                self._zone.remove(entry)
            case {"op": "mark"}:
                self._zone.mark()
                self._marked = set(self._resolvers)
                self._unheld = set(self._held)
            case {"op": "sweep"}:
                self._zone.sweep()
                for container in list(self._marked):
                    self._drop(container)
                for container in list(self._unheld):
                    self._let_go(container)
            case {"op": "end"}:
                failpoint("keeper.end")
                self._loop.later(0, self._loop.stop)
            case _:
                raise seqpacket.ProtocolError(f"ill-formed request: {request.get('op')!r}")
        return {}

    def _serve(self, container: str, fds: list[int]) -> None:
        """Take the sockets and the namespace of a container's resolver."""
        self._drop(container)
        udp, tcp, namespace = fds
        fds.clear()
        place = Place(namespace, self._home_fd)
        sockets = (socket.socket(fileno=udp), socket.socket(fileno=tcp))
        self._resolvers[container] = Resolver(self._loop, self._zone, container, place, sockets)

    def _set(self, container: str, settings: dict[object, object]) -> None:
        if (resolver := self._resolvers.get(container)) is None:
            raise errors.NotFound(f"no resolver of container {container}")
        servers = settings.get("upstreams")
        assert isinstance(servers, list)
        resolver.settings = Settings(
            upstreams=upstreams([str(one) for one in servers]),
            forwards=settings.get("forwards") is True,
            forwards_single=settings.get("forwards_single") is True,
        )

    def _let_go(self, container: str) -> None:
        self._unheld.discard(container)
        for port in self._held.pop(container, ()):
            port.close()

    def _drop(self, container: str) -> None:
        self._marked.discard(container)
        if (resolver := self._resolvers.pop(container, None)) is not None:
            resolver.close()


def _target(value: object) -> Target | None:
    match value:
        case [str(address), int(port)]:
            return address, port
        case _:
            return None


def _entry(fields: dict[object, object]) -> Entry:
    names, addresses, links = fields.get("names"), fields.get("addresses"), fields.get("links", {})
    assert isinstance(names, list)
    assert isinstance(addresses, list)
    assert isinstance(links, dict)
    return Entry(
        id=str(fields["id"]),
        container=str(fields["container"]),
        network=str(fields["network"]),
        network_name=str(fields["network_name"]),
        names=tuple(map(str, names)),
        addresses=tuple(map(str, addresses)),
        links=tuple((str(alias).lower(), str(name).lower()) for alias, name in links.items()),
    )


JOBS = {"keeper": keep}
