"""Getting a blob: streamed into a sink, verified as it comes, taken up again where it was cut.

What is handed to `commit` had the digest and the size that the manifest promised, to the byte.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable

from wharf.errors import EngineError
from wharf.limits import MIB
from wharf.registry.client.registry import Repository
from wharf.registry.client.transport import Answer
from wharf.registry.documents import Blob
from wharf.registry.errors import (
    InvalidDocument,
    RegistryRefused,
    TooManyRequests,
    Unreachable,
    VerificationFailed,
)
from wharf.registry.settings import RegistrySettings
from wharf.registry.sink import BlobWriter

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_WORTH_ANOTHER_TRY = 1 * MIB
"""Bytes gained by which an attempt does not count as one in vain."""
_PAUSE_MAX_S = 8.0
_REPORT_EVERY_S = 0.1

Count = Callable[[int], None]
"""Is told how many bytes are here."""


class Download:
    """One blob on its way."""

    def __init__(self, repository: Repository, blob: Blob, settings: RegistrySettings, count: Count) -> None:
        self._repository = repository
        self._blob = blob
        self._settings = settings
        self._count = count
        self._hash = hashlib.sha256()
        self._size = 0
        self._reported_at = 0.0

    async def into(self, writer: BlobWriter, what: str) -> None:
        """Fill and commit `writer`; `what` names the blob's kind where its digest is wrong.

        Raises VerificationFailed, InvalidDocument (size), BlobUnknown and other refusals, or Unreachable when
        `attempts` in a row did not get on.
        """
        self._hash, self._size = await writer.begin()
        try:
            await self._receive(writer)
        except InvalidDocument:
            await writer.discard()
            raise
        self._count(self._size)
        if self._hash.hexdigest() != self._blob.digest.hex:
            await writer.discard()
            raise VerificationFailed(what, self._blob.digest)
        await writer.commit()

    async def _receive(self, writer: BlobWriter) -> None:
        """Write all bytes; try again what may be a passing trouble."""
        in_vain = 0
        while True:
            before = self._size
            if before == self._blob.size:
                return
            try:
                async with self._repository.blob(self._blob.digest, self._size) as answer:
                    await self._copy(answer, writer)
            except (Unreachable, RegistryRefused, TooManyRequests) as error:
                failure: EngineError = error
            else:
                if self._size == self._blob.size:
                    return
                failure = Unreachable("Get", self._url(), "unexpected EOF")
            gained = self._size - before
            in_vain = 0 if gained >= _WORTH_ANOTHER_TRY else in_vain + 1
            if in_vain >= self._settings.attempts:
                raise failure
            asked_s = failure.retry_after_s if isinstance(failure, TooManyRequests) else 0.0
            await asyncio.sleep(asked_s if asked_s or gained else min(2.0 ** (in_vain - 1), _PAUSE_MAX_S))

    async def _copy(self, answer: Answer, writer: BlobWriter) -> None:
        """Append what `answer` has beyond the bytes that are here."""
        skip = 0 if self._is_rest(answer) else self._size
        async for part in answer.parts():
            fresh = part[skip:]
            skip = max(0, skip - len(part))
            if not fresh:
                continue
            self._size += len(fresh)
            if self._size > self._blob.size:
                raise InvalidDocument(
                    f"blob {self._blob.digest} is larger than its manifest says: {self._blob.size} bytes"
                )
            self._hash.update(fresh)
            await writer.write(fresh)
            self._tell()

    def _is_rest(self, answer: Answer) -> bool:
        """Whether the answer begins where we are; raises RegistryRefused for another range than asked for."""
        if answer.status != 206:
            return False
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != self._size:
            raise RegistryRefused("received an unexpected range of a blob")
        return True

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = now
            self._count(self._size)

    def _url(self) -> str:
        return self._repository.blob_url(self._blob.digest)
