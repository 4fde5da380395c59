"""What a container can see of the names of others."""

from wharf.keeper.zone import Entry, Zone


def entry(number: int, container: str, network: str, *names: str, addresses: tuple[str, ...] = ()) -> Entry:
    return Entry(
        str(number), container, network, f"{network}-name", names, addresses or (f"10.0.0.{number}",)
    )


def zone(*entries: Entry) -> Zone:
    made = Zone()
    for one in entries:
        made.put(one)
    return made


def test_names_are_known_on_networks_that_are_shared() -> None:
    known = zone(entry(1, "a", "x", "A"), entry(2, "b", "x", "b"), entry(3, "c", "y", "c"))
    assert known.addresses("b", "a") == ["10.0.0.1"]
    assert known.addresses("b", "a.x-name") == ["10.0.0.1"]
    assert known.addresses("b", "c") is None
    assert known.addresses("nobody", "a") is None


def test_several_containers_may_have_one_alias() -> None:
    known = zone(entry(1, "a", "x", "db"), entry(2, "b", "x", "db"))
    assert known.addresses("a", "db") == ["10.0.0.1", "10.0.0.2"]


def test_the_first_network_that_knows_a_name_answers() -> None:
    known = zone(
        entry(1, "a", "x", "a"), entry(2, "a", "y", "a"), entry(3, "b", "y", "db"), entry(4, "c", "x", "db")
    )
    assert known.addresses("a", "db") == ["10.0.0.4"]


def test_an_address_has_the_name_of_its_holder() -> None:
    known = zone(entry(1, "a", "x", "web", "w"), entry(2, "b", "y", "other"))
    assert known.name_of("a", "1.0.0.10.in-addr.arpa") == "web.x-name"
    assert known.name_of("b", "1.0.0.10.in-addr.arpa") is None
    assert known.name_of("a", "web") is None


def test_what_is_removed_is_not_known() -> None:
    known = zone(entry(1, "a", "x", "a"), entry(2, "b", "x", "b"))
    known.remove("2")
    known.remove("2")
    assert known.addresses("a", "b") is None
    assert known.name_of("a", "2.0.0.10.in-addr.arpa") is None
    assert len(known) == 1


def test_an_entry_that_is_put_again_replaces_the_old_one() -> None:
    known = zone(entry(1, "a", "x", "old"))
    known.put(entry(1, "a", "x", "new"))
    assert known.addresses("a", "old") is None
    assert known.addresses("a", "new") == ["10.0.0.1"]


def test_what_is_not_told_again_is_swept() -> None:
    known = zone(entry(1, "a", "x", "a"), entry(2, "b", "x", "b"))
    known.mark()
    known.put(entry(1, "a", "x", "a"))
    known.sweep()
    assert known.addresses("a", "b") is None
    assert known.addresses("a", "a") == ["10.0.0.1"]


def test_a_link_is_the_alias_of_one_container_alone_and_hides_the_name_of_another() -> None:
    linking = entry(1, "a", "x", "a")._replace(links=(("db", "b"), ("c", "gone")))
    known = zone(linking, entry(2, "b", "x", "b"), entry(3, "c", "x", "c"), entry(4, "d", "y", "db"))
    assert known.addresses("a", "db") == ["10.0.0.2"]
    assert known.addresses("a", "db.x-name") == ["10.0.0.2"]
    assert known.addresses("a", "c") is None  # the link leads to a name that nobody has
    assert known.addresses("b", "db") is None
    assert known.addresses("c", "c") == ["10.0.0.3"]
    known.put(linking._replace(links=()))
    assert known.addresses("a", "db") is None
    assert known.addresses("a", "c") == ["10.0.0.3"]
