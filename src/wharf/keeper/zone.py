"""Who is called what: the names of all networks, and what one container can see of them. Pure."""

from typing import NamedTuple

from wharf.keeper.message import reversed_address


class Entry(NamedTuple):
    """One endpoint: a container's place on a network."""

    id: str
    container: str
    network: str
    network_name: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    """What this container alone calls others, in small letters: alias and name."""


class Zone:
    """All entries. A name is looked for on the networks of who asks, and on no other."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._by_name: dict[tuple[str, str], dict[str, Entry]] = {}
        self._by_address: dict[tuple[str, str], Entry] = {}
        self._networks: dict[str, dict[str, str]] = {}
        """Container → its networks' ids and names, in the order in which it was connected."""
        self._links: dict[tuple[str, str], dict[str, str]] = {}
        """Container and network → its aliases for others."""
        self._marked: set[str] = set()

    def put(self, entry: Entry) -> None:
        """Add an entry, or put it in the place of the one with its id."""
        self.remove(entry.id)
        self._entries[entry.id] = entry
        for name in entry.names:
            self._by_name.setdefault((entry.network, name.lower()), {})[entry.id] = entry
        for address in entry.addresses:
            self._by_address[entry.network, address] = entry
        self._networks.setdefault(entry.container, {})[entry.network] = entry.network_name.lower()
        if entry.links:
            self._links[entry.container, entry.network] = dict(entry.links)

    def remove(self, entry_id: str) -> None:
        """Forget an entry; nothing happens when there is none."""
        self._marked.discard(entry_id)
        entry = self._entries.pop(entry_id, None)
        if entry is None:
            return
        for name in entry.names:
            key = (entry.network, name.lower())
            if (found := self._by_name.get(key)) is not None:
                found.pop(entry_id, None)
                if not found:
                    del self._by_name[key]
        for address in entry.addresses:
            if (holder := self._by_address.get((entry.network, address))) and holder.id == entry_id:
                del self._by_address[entry.network, address]
        self._links.pop((entry.container, entry.network), None)
        networks = self._networks.get(entry.container, {})
        networks.pop(entry.network, None)
        if not networks:
            self._networks.pop(entry.container, None)

    def mark(self) -> None:
        """Begin to tell what is still true: what is not put again before `sweep` goes."""
        self._marked = set(self._entries)

    def sweep(self) -> None:
        """Forget what was not put again since `mark`."""
        for entry_id in list(self._marked):
            self.remove(entry_id)

    def addresses(self, container: str, name: str) -> list[str] | None:
        """Return the addresses of `name` as `container` sees it, of both versions; None for an unknown name.

        The first of its networks that knows the name answers. `name.network` is known there too. What the
        container's own links call others comes first, and hides others of that name on the link's network.
        """
        candidates = [
            (network, candidate, self._links.get((container, network), {}).get(candidate))
            for network, network_name in self._networks.get(container, {}).items()
            for candidate in dict.fromkeys((name, name.removesuffix(f".{network_name}")))
        ]
        linked = [(network, target) for network, _, target in candidates if target is not None]
        plain = [(network, candidate) for network, candidate, target in candidates if target is None]
        for key in linked + plain:
            if found := self._by_name.get(key):
                return [address for entry in found.values() for address in entry.addresses]
        return None

    def name_of(self, container: str, arpa: str) -> str | None:
        """Return `name.network` of the address that a reverse name is about; None where it is unknown."""
        address = reversed_address(arpa)
        if address is None:
            return None
        for network, network_name in self._networks.get(container, {}).items():
            if (entry := self._by_address.get((network, address))) is not None and entry.names:
                return f"{entry.names[0]}.{network_name}"
        return None

    def __len__(self) -> int:
        return len(self._entries)
