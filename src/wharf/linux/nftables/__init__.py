"""nf_tables over NETLINK_NETFILTER, spoken directly: no binary, no library.

`expression` makes what rules consist of, `objects` the messages about tables, chains, rules and sets, `nft`
sends them as one transaction. Numbers are those of linux/netfilter/nf_tables.h, words those of nft(8).
"""

from wharf.linux.nftables.nft import Nft
from wharf.linux.nftables.objects import Chain, ChainType, Family, Hook, Set, Table

__all__ = ["Chain", "ChainType", "Family", "Hook", "Nft", "Set", "Table"]
