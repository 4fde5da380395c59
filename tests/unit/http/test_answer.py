"""The bytes of whole answers."""

from api_kit import Api


async def test_head_has_the_headers_of_get_and_no_body(api: Api) -> None:
    async with api.connect() as client:
        reply = await client.ask("HEAD", "/_ping")
        assert reply.headers["Content-Length"] == "0"
        assert (await client.ask("GET", "/_ping")).body == b"OK"


async def test_a_client_that_wants_no_further_request_is_told_so(api: Api) -> None:
    async with api.connect() as client:
        reply = await client.ask("GET", "/_ping", headers={"Connection": "close"})
        assert reply.headers["Connection"] == "close"
        assert await client.rest() == b""


async def test_http_1_0_ends_with_the_answer(api: Api) -> None:
    async with api.connect() as client:
        client.writer.write(b"GET /_ping HTTP/1.0\r\n\r\n")
        assert (await client.rest()).endswith(b"\r\n\r\nOK")


async def test_a_stream_for_http_1_0_has_no_chunks(api: Api) -> None:
    async with api.connect() as client:
        client.writer.write(b"GET /containers/c1/logs?stdout=1 HTTP/1.0\r\n\r\n")
        assert (await client.rest()).endswith(b"\r\n\r\n\x01\0\0\0\0\0\0\x03hi\n")


async def test_nothing_but_the_route_answers_names_a_server(api: Api) -> None:
    assert "Server" not in (await api.ask("GET", "/nowhere")).headers


async def test_204_and_304_have_no_length(api: Api) -> None:
    assert "Content-Length" not in (await api.ask("POST", "/containers/c1/start")).headers
    assert "Content-Length" not in (await api.ask("POST", "/containers/c1/stop")).headers
