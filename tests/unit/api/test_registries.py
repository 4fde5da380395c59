"""Login, search and distribution, as they go over the wire."""

from api_kit import served


async def test_a_login_has_a_body_and_an_answer() -> None:
    async with served() as api:
        headers = {"Content-Type": "application/json"}
        body = b'{"username":"me","password":"pw","serveraddress":"r.test"}'
        reply = await api.ask("POST", "/auth", body=body, headers=headers)
        assert (reply.status, reply.json()) == (200, {"IdentityToken": "", "Status": "me at r.test"})


async def test_a_search_has_its_limit_and_its_credentials() -> None:
    async with served() as api:
        reply = await api.ask("GET", "/images/search?term=x&limit=7", headers={"X-Registry-Auth": "A"})
        row = {"name": "x", "star_count": 7, "description": "AFalse"}
        assert reply.json() == [{**row, "is_official": False, "is_automated": False}]
        reply = await api.ask("GET", "/images/search?term=x&limit=z")
        assert reply.status == 400
        assert reply.json()["message"] == (
            'invalid limit specified: strconv.Atoi: parsing "z": invalid syntax'
        )


async def test_a_name_with_slashes_is_looked_up_in_its_registry() -> None:
    async with served() as api:
        reply = await api.ask("GET", "/distribution/r.test:5000/a/b:1/json", headers={"X-Registry-Auth": "A"})
        descriptor = {"mediaType": "r.test:5000/a/b:1A", "digest": "", "size": 0}
        assert reply.json() == {"Descriptor": descriptor, "Platforms": None}
