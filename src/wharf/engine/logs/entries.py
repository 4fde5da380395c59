"""What a log's files hold, as entries: decoding of json-file and `local`, and finding the last N of them.

A chunk is whole entries as they stand in a file. Malformed ones are passed over.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

from wharf.shim.log.local import BESIDE_TEXT, HEAD, TAIL, whole_end

Format = Literal["json-file", "local"]

_BLOCK = 256 * 1024
_WINDOW = 128 * 1024
"""How far entries in a row are looked for; a read of 64 KiB makes them."""

_SIDES = TAIL.size * 2


class Run(NamedTuple):
    """Entries in a row that share all but their text.

    Each text is one line, or one piece of a long line (then without a newline). `stream` is 1 for stdout, 2
    for stderr; `moment` is RFC 3339 without its Z and without trailing zeros, which can be compared as it is;
    `attrs` is a JSON object, empty for none.
    """

    stream: int
    moment: bytes
    texts: list[bytes]
    attrs: bytes = b""


class Decoder(Protocol):
    """Knows one format."""

    def split(self, data: bytes) -> int:
        """Return how much of `data`, which begins with an entry, is whole entries."""

    def runs(self, chunk: bytes) -> list[Run]:
        """Return the entries of a chunk."""

    def tail(self, fd: int, size: int, wanted: int) -> tuple[int, int, int]:
        """Find the last `wanted` entries of a file, reading backwards.

        Returns the offset of the chunk they begin in, how many entries of that chunk come before them, and
        how many were found.
        """


_HEAD = b'{"log":"'
_STREAM = b'","stream":"std'
_END = b'Z"}\n'
_KINDS = {b"out": 1, b"err": 2}
_TIME = b'"time":"'
_ATTRS = b',"attrs":'


class JsonFile:
    """json-file: a JSON object a line. Text in quotes has no bare quote, so its end is found by search."""

    def split(self, data: bytes) -> int:
        """Return where the last line ends."""
        return data.rfind(b"\n") + 1

    def runs(self, chunk: bytes) -> list[Run]:
        """Return the entries of whole lines; those that were read at once end in the same bytes."""
        found: list[Run] = []
        at = 0
        while at < len(chunk):
            stop = chunk.find(b"\n", at) + 1 or len(chunk)
            line = chunk[at:stop]
            cut = line.find(_STREAM)
            end = line[cut:]
            kind = end[len(_STREAM) : len(_STREAM) + 3]
            if cut >= 0 and line.startswith(_HEAD) and end.endswith(_END) and kind in _KINDS:
                following, texts = chunk.find(b"\n", stop) + 1, None
                if chunk.endswith(end, stop, following):
                    last = chunk.rfind(end, stop, stop + _WINDOW) + len(end)
                    texts = _texts(chunk[at:last], end)
                    stop = last if texts is not None else stop
                if texts is None:
                    texts = [_text(line[len(_HEAD) : cut])]
                attrs, _, moment = end[len(_STREAM) + 4 : -len(_END)].rpartition(_TIME)
                found.append(Run(_KINDS[kind], moment, texts, attrs[len(_ATTRS) : -1]))
            elif parsed := _parsed(line):
                found.append(parsed)
            at = stop
        return found

    def tail(self, fd: int, size: int, wanted: int) -> tuple[int, int, int]:
        """Find the last lines."""
        position, counted = size, 0
        while position > 0 and wanted:
            start = max(0, position - _BLOCK)
            block = os.pread(fd, position - start, start)
            at = len(block) - (position == size and block.endswith(b"\n"))
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                counted += 1
                if counted == wanted:
                    return start + at + 1, 0, wanted
            position = start
        if not wanted:
            return size, 0, 0
        return 0, 0, counted + (size > 0)


def _texts(run: bytes, end: bytes) -> list[bytes] | None:
    """Return the texts of lines that all end in `end`; None where another line is among them."""
    count = run.count(b"\n")
    if run.count(b"\\n" + end) == run.count(b"\\") == count:
        texts = [text + b"\n" for text in run[len(_HEAD) : -len(end) - 2].split(b"\\n" + end + _HEAD)]
    else:
        texts = [_text(text) for text in run[len(_HEAD) : -len(end)].split(end + _HEAD)]
    return texts if len(texts) == count else None


def _text(text: bytes) -> bytes:
    """Return what was escaped."""
    if b"\\" not in text:
        return text
    if text.endswith(b"\\n") and b"\\" not in text[:-2]:
        return text[:-2] + b"\n"
    try:
        value: str = json.loads(b'"%b"' % text)
    except ValueError:
        return b""
    return value.encode("utf-8", "surrogatepass")


def _parsed(line: bytes) -> Run | None:
    """Return an entry that is written in another way than ours."""
    try:
        value = json.loads(line)
        text = value.get("log", "").encode("utf-8", "surrogatepass")
        moment = value.get("time", "").encode("ascii").removesuffix(b"Z")
        attrs = json.dumps(value["attrs"]).encode() if value.get("attrs") else b""
        return Run(2 if value.get("stream") == "stderr" else 1, moment, [text], attrs)
    except (ValueError, AttributeError, TypeError):
        return None


class Local:
    """`local`: records of many lines, or of one piece (`shim/log/local.py`)."""

    def split(self, data: bytes) -> int:
        """Return where the last whole record ends; all of it where no record could be."""
        at = 0
        while len(data) - at >= TAIL.size:
            end = at + TAIL.unpack_from(data, at)[0] + _SIDES
            if end > len(data):
                break
            at = end
        return at

    def runs(self, chunk: bytes) -> list[Run]:
        """Return the lines of whole records."""
        found: list[Run] = []
        for moment, stream, text in _records(chunk):
            lines = text.split(b"\n")
            last = lines.pop()
            texts = [line + b"\n" for line in lines]
            if last:
                texts.append(last)
            found.append(Run(2 if stream == 2 else 1, _stamp(moment), texts))
        return found

    def tail(self, fd: int, size: int, wanted: int) -> tuple[int, int, int]:
        """Find the record in which the last lines begin, from the size at the end of each."""
        position, counted = whole_end(fd, size), 0
        while position >= _SIDES and counted < wanted:
            end = os.pread(fd, TAIL.size, position - TAIL.size)
            (length,) = TAIL.unpack(end)
            start = position - length - _SIDES
            if start < 0 or length < BESIDE_TEXT or os.pread(fd, TAIL.size, start) != end:
                break  # no record of ours: what comes before it is not to be had from this side
            text = os.pread(fd, length - BESIDE_TEXT, start + HEAD.size)
            counted += text.count(b"\n") + (not text.endswith(b"\n"))
            position = start
        return position, max(0, counted - wanted), min(counted, wanted)


_LATEST = 253_402_300_799_999_999_999
"""The end of the year 9999, the last that RFC 3339 can write."""


def _records(chunk: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while len(chunk) - at >= HEAD.size:
        length, moment, stream = HEAD.unpack_from(chunk, at)
        end = at + TAIL.size + length
        if length < BESIDE_TEXT:
            return
        yield moment, stream, chunk[at + HEAD.size : end]
        at = end + TAIL.size


def _stamp(moment: int) -> bytes:
    second, nanosecond = divmod(max(0, min(moment, _LATEST)), 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return f"{text}.{nanosecond:09d}".rstrip("0").rstrip(".").encode()


DECODERS: dict[str, Decoder] = {"json-file": JsonFile(), "local": Local()}
