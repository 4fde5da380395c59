"""Names and addresses of endpoints."""

import pytest

from wharf.errors import InvalidParameter
from wharf.network.endpoint import HOST_LINK, parse_mac, random_host_link, random_id, random_mac


def test_a_random_mac_is_unicast_and_locally_administered() -> None:
    macs = {random_mac() for _ in range(200)}
    assert len(macs) == 200
    assert {int(mac[:2], 16) & 3 for mac in macs} == {2}
    assert all(parse_mac(mac) == mac for mac in macs)


def test_the_hosts_link_is_named_veth_and_seven_hex_digits() -> None:
    assert all(HOST_LINK.fullmatch(random_host_link()) for _ in range(50))
    assert len(random_id()) == 64


@pytest.mark.parametrize(
    "text", ["zz", "02:00:00:00:00", "02:00:00:00:00:00:00", "01:00:5e:00:00:01", "٠٢:00:00:00:00:00"]
)
def test_what_is_no_address_of_a_station_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid MAC address"):
        parse_mac(text)
