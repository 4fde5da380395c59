"""nf_tables on the real kernel; nft(8) judges where it is installed."""

import errno
import shutil
import subprocess
from ipaddress import ip_address, ip_network

import pytest

from netns_kit import isolated
from wharf.linux.nftables import Chain, ChainType, Family, Hook, Nft, Set, Table, objects
from wharf.linux.nftables.expression import (
    AddressType,
    CtState,
    MetaKey,
    Verdict,
    counter,
    ct_state,
    destination,
    destination_port,
    destination_type,
    dnat,
    in_interface,
    ip_version,
    lookup,
    masquerade,
    meta,
    name_key,
    out_interface,
    redirect,
    source,
    transport,
    verdict,
    verdict_map,
)
from wharf.linux.nftables.objects import PRIORITY_DSTNAT, PRIORITY_SRCNAT, KeyType

TABLE = Table(Family.INET, "probe")
NAT = Chain(TABLE, "nat-in", ChainType.NAT, Hook.PREROUTING, PRIORITY_DSTNAT)
SOURCE_NAT = Chain(TABLE, "nat-out", ChainType.NAT, Hook.POSTROUTING, PRIORITY_SRCNAT)
FILTER = Chain(TABLE, "filter", ChainType.FILTER, Hook.FORWARD, policy=Verdict.DROP)
PLAIN = Chain(TABLE, "plain")
MAP = Set(TABLE, "jumps", KeyType.IFNAME, 16, verdicts=True)
ADDRESSES = Set(TABLE, "addresses", KeyType.IPV4, 4)

RULES = [
    (FILTER, ct_state(CtState.ESTABLISHED | CtState.RELATED) + verdict(Verdict.ACCEPT)),
    (FILTER, in_interface("br0") + out_interface("br1", equal=False) + counter() + verdict(Verdict.DROP)),
    (FILTER, meta(MetaKey.OIFNAME) + verdict_map("jumps")),
    (PLAIN, ip_version(4) + source(ip_network("10.1.0.0/16")) + verdict(Verdict.RETURN)),
    (PLAIN, ip_version(4) + destination(ip_network("10.1.2.0/27"), equal=False) + verdict(Verdict.ACCEPT)),
    (PLAIN, ip_version(6) + source(ip_network("fd00::/64")) + verdict(Verdict.ACCEPT)),
    (PLAIN, ip_version(4) + source(ip_network("10.1.2.3/32")) + lookup("addresses") + verdict(Verdict.DROP)),
    (NAT, destination_type(AddressType.LOCAL) + transport(6) + destination_port(80) + redirect(8080)),
    (NAT, ip_version(4) + transport(17) + destination_port(53) + dnat(ip_address("10.1.2.3"), 5353)),
    (SOURCE_NAT, ip_version(4) + source(ip_network("10.1.0.0/16")) + masquerade()),
]

EXPECTED = """\
table inet probe {
	map jumps {
		type ifname : verdict
		elements = { "br0" : jump plain }
	}

	set addresses {
		type ipv4_addr
		elements = { 10.1.2.3 }
	}

	chain filter {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "br0" oifname != "br1" counter packets 0 bytes 0 drop
		oifname vmap @jumps
	}

	chain plain {
		ip saddr 10.1.0.0/16 return
		ip daddr != 10.1.2.0/27 accept
		ip6 saddr fd00::/64 accept
		ip saddr 10.1.2.3 ip saddr @addresses drop
	}

	chain nat-in {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local tcp dport 80 redirect to :8080
		meta nfproto ipv4 udp dport 53 dnat ip to 10.1.2.3:5353
	}

	chain nat-out {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.1.0.0/16 masquerade
	}
}
"""


def make_all(nft: Nft) -> None:
    nft.commit(
        [
            objects.add_table(TABLE),
            *(objects.add_chain(chain) for chain in (FILTER, PLAIN, NAT, SOURCE_NAT)),
            objects.add_set(MAP, 1),
            objects.add_set(ADDRESSES, 2),
            objects.add_jumps(MAP, {name_key("br0"): PLAIN.name}),
            objects.add_elements(ADDRESSES, [ip_address("10.1.2.3").packed]),
            *(objects.add_rule(chain, expressions) for chain, expressions in RULES),
        ]
    )


@isolated
def test_a_transaction_makes_tables_chains_sets_and_rules() -> None:
    with Nft.open() as nft:
        make_all(nft)
        assert nft.tables() == [TABLE]
        assert nft.chains(TABLE) == ["filter", "plain", "nat-in", "nat-out"]
        assert sorted(nft.rules(TABLE)) == sorted(chain.name for chain, _ in RULES)
        nft.commit([objects.delete_table(TABLE)])
        assert nft.tables() == []


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft(8) is not installed")
@isolated
def test_nft_reads_the_rules_as_they_were_meant() -> None:
    with Nft.open() as nft:
        make_all(nft)
    listing = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True)
    assert listing.stdout == EXPECTED


@isolated
def test_a_transaction_with_one_fault_changes_nothing() -> None:
    with Nft.open() as nft:
        nowhere = Chain(Table(Family.INET, "nowhere"), "chain")
        with pytest.raises(OSError, match="No such file or directory") as refused:
            nft.commit([objects.add_table(TABLE), objects.add_rule(nowhere, counter())])
        assert refused.value.errno == errno.ENOENT
        assert nft.tables() == []


@isolated
def test_a_fault_that_only_the_commit_finds_is_told() -> None:
    with Nft.open() as nft:
        make_all(nft)
        with pytest.raises(OSError, match="busy"):
            nft.commit([objects.delete_chain(PLAIN)])
        assert PLAIN.name in nft.chains(TABLE)


@isolated
def test_elements_and_rules_can_be_taken_away_again() -> None:
    with Nft.open() as nft:
        make_all(nft)
        nft.commit([objects.delete_elements(MAP, [name_key("br0")]), objects.flush_chain(PLAIN)])
        assert PLAIN.name not in nft.rules(TABLE)
        nft.commit([objects.delete_chain(PLAIN)])
        assert PLAIN.name not in nft.chains(TABLE)
        with pytest.raises(FileNotFoundError):
            nft.commit([objects.delete_elements(MAP, [name_key("br0")])])
