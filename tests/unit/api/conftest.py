"""One API in front of fakes for each test."""

from collections.abc import AsyncIterator

import pytest

from api_kit import Api, served


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with served() as running:
        yield running
