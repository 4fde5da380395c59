"""The composition root: builds every room, hands each its friends, and takes them down in reverse."""

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import sys
import sysconfig
import uuid
from collections.abc import Iterator, Sequence

from wharf.aio.supervisor import Supervisor
from wharf.content.blobs import Blobs
from wharf.content.layers import Layers
from wharf.daemon.settings import Settings
from wharf.engine import docker_init
from wharf.engine.containers.containers import Containers, Execs
from wharf.engine.containers.context import Context
from wharf.engine.containers.index import Index
from wharf.engine.containers.oci.defaults import CAPABILITIES
from wharf.engine.containers.seccomp_profile import default_profile
from wharf.engine.containers.uses import image_uses
from wharf.engine.events import Events
from wharf.engine.host import Host
from wharf.engine.images.images import Images
from wharf.engine.logs.options import LogDefaults
from wharf.engine.paths import Paths
from wharf.engine.registries import Registries
from wharf.engine.system import Facts, System
from wharf.errors import Unavailable
from wharf.linux import capability, cgroup
from wharf.network.names import Names
from wharf.network.networks import Networks
from wharf.network.pools import unique_local_pool
from wharf.network.settings import NetworkSettings
from wharf.registry.settings import RegistrySettings
from wharf.spawner.client import CHANNEL_FD, Spawner
from wharf.state.database import Database
from wharf.volume.catalog import Catalog
from wharf.volume.volumes import Volumes

_DOWNLOADS, _UPLOADS = 3, 5
"""What a setting of 0 stands for."""

_IDENTITY = ("CREATE TABLE identity (engine_id TEXT NOT NULL)",)


class Engine:
    """All rooms of one engine, open. `Engine.open` makes it, `close` ends it; containers go on."""

    def __init__(
        self,
        context: Context,
        system: System,
        registries: Registries,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self.containers = Containers(context)
        self.execs = Execs(context)
        self.images = context.images
        self.networks = context.networks
        self.volumes = Catalog(context.volumes, context.events.emit)
        self.events = context.events
        self.system = system
        self.registries = registries
        self._stack = stack
        self._cgroup_parent = context.cgroup_parent

    @classmethod
    async def open(cls, settings: Settings) -> "Engine":
        """Open every room; whatever was opened is closed again where one fails."""
        async with contextlib.AsyncExitStack() as stack:
            # The spawner comes first: nothing secret has been read yet, and it warms up beside us.
            spawner = await Spawner.start(spawner_program())
            stack.push_async_callback(spawner.close)
            tasks = await stack.enter_async_context(Supervisor("containers"))
            profile = default_profile(CAPABILITIES)
            tasks.start(spawner.prepare("seccomp", {**profile}), name="prepare the seccomp filter")
            paths = Paths(settings.data_root, settings.exec_root)
            paths.make()
            stack.enter_context(_only_one(paths.data_root))
            docker_init.install(paths.docker_init)
            db = await Database.open(paths.database)
            stack.push_async_callback(db.close)
            events = Events()
            index = Index(db)
            await index.load()
            blobs = Blobs(paths.content)
            layers = Layers(db, spawner, paths.snapshots)
            await layers.open()
            stack.push_async_callback(layers.close)
            registry = RegistrySettings(
                settings.insecure_registry,
                settings.registry_mirror,
                downloads=settings.max_concurrent_downloads or _DOWNLOADS,
                uploads=settings.max_concurrent_uploads or _UPLOADS,
                attempts=settings.max_download_attempts,
            )
            images = Images(
                db=db,
                spawner=spawner,
                blobs=blobs,
                layers=layers,
                temporary=paths.temporary,
                emit=events.emit,
                users=lambda image_id: image_uses(index, image_id),
                registry=registry,
            )
            await images.open()
            stack.push_async_callback(images.close)
            engine_id = await _engine_id(db)
            networks = await Networks.open(
                db,
                _network_settings(settings, engine_id),
                emit=events.emit,
                names=Names(spawner, paths.keeper),
            )
            stack.push_async_callback(networks.close)
            volumes = Volumes(db=db, jobs=spawner, path=paths.volumes, emit=events.emit)
            await volumes.open()
            stack.push_async_callback(volumes.close)
            context = Context(
                db=db,
                paths=paths,
                index=index,
                execs={},
                images=images,
                layers=layers,
                networks=networks,
                volumes=volumes,
                spawner=spawner,
                events=events,
                tasks=tasks,
                log_defaults=LogDefaults(settings.log_driver, dict(settings.log_opt)),
                cgroup_parent=settings.cgroup_parent or _cgroup_parent(settings),
                cgroup_mode=cgroup.mode(),
                available_capabilities=tuple(capability.names_of(capability.bounding_mask())),
            )
            facts = Facts(
                engine_id=engine_id,
                labels=settings.label,
                debug=settings.debug,
                insecure_registries=settings.insecure_registry,
                registry_mirrors=settings.registry_mirror,
                firewall=networks.firewall.name,
            )
            engine = cls(context, System(context, facts, Host()), Registries(registry), stack)
            await engine.containers.open()
            await networks.sweep({container.id for container in index if container.is_alive})
            engine.containers.start_due()
            engine._stack = stack.pop_all()
            return engine
        raise AssertionError("the stack suppresses nothing")

    async def close(self) -> None:
        """Close every room; running containers are left to their shims."""
        self.events.close()
        await self.networks.retire()
        await self._stack.aclose()
        cgroup.Cgroup.load(self._cgroup_parent).discard()


def spawner_program() -> Sequence[str]:
    """Return the command that runs the spawner: the base interpreter, isolated, with our modules by path."""
    program = os.path.join(os.path.dirname(__file__), "warm.py")
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    search = dict.fromkeys((package_parent, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    base = os.path.realpath(sys.executable)
    return [base, "-I", "-S", program, str(CHANNEL_FD), os.pathsep.join(search)]


@contextlib.contextmanager
def _only_one(data_root: str) -> Iterator[None]:
    """Hold the data root's lock: two engines on one data root would ruin it."""
    descriptor = os.open(f"{data_root}/engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(f"another engine is using {data_root}") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _instance(settings: Settings) -> str:
    """Return the engine's name on this host: `wharf`, or one made from its data root."""
    if settings.is_default_instance:
        return "wharf"
    return "wharf-" + hashlib.sha256(settings.data_root.encode()).hexdigest()[:8]


def _cgroup_parent(settings: Settings) -> str:
    return "/docker" if settings.is_default_instance else f"/{_instance(settings)}"


def _network_settings(settings: Settings, engine_id: str) -> NetworkSettings:
    return NetworkSettings(
        instance=_instance(settings),
        bridge=settings.bridge or None,
        bip=settings.bip or None,
        ipv6=settings.ipv6,
        fixed_cidr_v6=settings.fixed_cidr_v6 or None,
        default_address_pools=settings.default_address_pool,
        ipv6_pool=unique_local_pool(engine_id),
        mtu=settings.mtu,
        iptables=settings.iptables,
        firewall_backend=settings.firewall_backend,
        ip_forward=settings.ip_forward,
        ip_masq=settings.ip_masq,
        icc=settings.icc,
        host_ip=settings.ip,
        userland_proxy=settings.userland_proxy,
        publish_policy=settings.publish_policy,
        dns=settings.dns,
        dns_search=settings.dns_search,
        dns_opts=settings.dns_opt,
    )


async def _engine_id(db: Database) -> str:
    await db.migrate("identity", _IDENTITY)
    fresh = str(uuid.uuid4())

    def work(connection: sqlite3.Connection) -> str:
        row = connection.execute("SELECT engine_id FROM identity").fetchone()
        if row is not None:
            return str(row[0])
        connection.execute("INSERT INTO identity VALUES (?)", (fresh,))
        return fresh

    return await db.write(work)
