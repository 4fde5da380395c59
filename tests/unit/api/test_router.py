"""Which route a path has."""

import pytest

from wharf.api.router import Router


@pytest.fixture
def router() -> Router[str]:
    made: Router[str] = Router()
    for operation in (
        "GET /containers/json",
        "GET /containers/{id}/json",
        "GET /containers/{id}/attach/ws",
        "DELETE /containers/{id}",
        "GET /images/json",
        "GET /images/get",
        "GET /images/{name}/get",
        "DELETE /images/{name}",
    ):
        method, template = operation.split()
        made.add(method, template, operation)
    return made


@pytest.mark.parametrize(
    ("method", "path", "handler", "name"),
    [
        ("GET", "/containers/json", "GET /containers/json", ""),
        ("GET", "/containers/json/json", "GET /containers/{id}/json", "json"),
        ("GET", "/containers/a/b/json", "GET /containers/{id}/json", "a/b"),
        ("GET", "/containers/a/attach/ws", "GET /containers/{id}/attach/ws", "a"),
        ("DELETE", "/containers/a", "DELETE /containers/{id}", "a"),
        ("GET", "/images/get", "GET /images/get", ""),
        ("GET", "/images/x/y/z:1/get", "GET /images/{name}/get", "x/y/z:1"),
        ("DELETE", "/images/x/y/json", "DELETE /images/{name}", "x/y/json"),
    ],
)
def test_a_path_leads_to_its_handler(
    router: Router[str], method: str, path: str, handler: str, name: str
) -> None:
    assert router.find(method, path) == (handler, name)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/containers"),
        ("GET", "/containers/"),
        ("DELETE", "/containers/"),
        ("GET", "/containers//json"),
        ("GET", "/containers/a"),
        ("POST", "/containers/json"),
        ("GET", "/containers/a/nothing"),
    ],
)
def test_other_paths_lead_nowhere(router: Router[str], method: str, path: str) -> None:
    assert router.find(method, path) is None


def test_a_later_route_replaces_an_earlier_one(router: Router[str]) -> None:
    router.add("GET", "/images/{other}/get", "new")
    found = router.find("GET", "/images/x/get")
    assert found is not None
    assert found.handler == "new"
