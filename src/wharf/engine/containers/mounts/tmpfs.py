"""The options of a tmpfs, as Docker takes and merges them; pure."""

from collections.abc import Sequence

from wharf.errors import Internal, InvalidParameter
from wharf.schema.host_config import TmpfsOptions

_KINDS_OF_FLAG = (
    ("ro", "rw"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("exec", "noexec"),
    ("sync", "async"),
    ("dirsync",),
    ("remount",),
    ("mand", "nomand"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("bind",),
    ("rbind",),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    (
        *("unbindable", "runbindable", "private", "rprivate"),
        *("shared", "rshared", "slave", "rslave"),
    ),
)
_KEYS = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})
_UNITS = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))
_ALWAYS = ("noexec", "nosuid", "nodev", "rprivate")
_OWN_WORDS = frozenset({"exec", "noexec"})


def data_of(options: TmpfsOptions | None, *, readonly: bool) -> str:
    """Return the options of a `--mount type=tmpfs` as mount(8) writes them; raises InvalidParameter."""
    words = ["ro"] if readonly else []
    if options is None:
        return ",".join(words)
    if options.mode:
        words.append(f"mode={options.mode:o}")
    if options.size_bytes:
        size = options.size_bytes
        unit, divisor = next((pair for pair in _UNITS if size % pair[1] == 0), ("", 1))
        words.append(f"size={size // divisor}{unit}")
    for option in options.options:
        if not 1 <= len(option) <= 2:
            raise InvalidParameter("invalid option array length")
        if option[0] not in _OWN_WORDS:
            raise InvalidParameter(f"invalid option: {option[0]}")
        words.append("=".join(option))
    return ",".join(words)


def merged(data: str) -> list[str]:
    """Return the options of a tmpfs over the defaults: of two that contradict each other the later counts.

    Raises Internal for what is none, at the start, as Docker does.
    """
    kept: list[str] = []
    seen: set[Sequence[str] | str] = set()
    for option in reversed([*_ALWAYS, *filter(None, data.split(","))]):
        if option == "defaults":
            continue
        name, equals, _ = option.partition("=")
        kind = next((kind for kind in _KINDS_OF_FLAG if option in kind), None)
        if kind is None and not (equals and name in _KEYS):
            raise Internal(f'invalid tmpfs option "{name}"')
        key = kind or name
        if key not in seen:
            kept.insert(0, option)
            seen.add(key)
    return kept
