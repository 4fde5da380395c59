"""What the config of a committed image is made of."""

from wharf.engine.containers.commit import merged
from wharf.schema.container import ContainerConfig
from wharf.schema.health import HealthConfig

OWN = ContainerConfig(
    hostname="h",
    user="u",
    env=["A=1", "B=2"],
    cmd=["sh"],
    entrypoint=["/e"],
    labels={"k": "v", "l": "own"},
    working_dir="/w",
    volumes={"/v": {}},
    exposed_ports={"80/tcp": {}},
    stop_signal="INT",
    healthcheck=HealthConfig(test=["CMD", "x"], retries=3),
)


def test_what_is_left_open_comes_from_the_container() -> None:
    made = merged(ContainerConfig(), OWN)
    assert (made.user, made.working_dir, made.stop_signal) == ("u", "/w", "INT")
    assert (made.env, made.cmd, made.entrypoint) == (["A=1", "B=2"], ["sh"], ["/e"])
    assert (made.labels, made.volumes) == ({"k": "v", "l": "own"}, {"/v": {}})
    assert made.exposed_ports == {"80/tcp": {}}
    assert made.healthcheck == OWN.healthcheck
    assert made.hostname == ""


def test_what_is_asked_for_wins_and_the_rest_is_added() -> None:
    wanted = ContainerConfig(
        user="me",
        env=["B=3"],
        labels={"l": "mine"},
        exposed_ports={"90/udp": {}},
        healthcheck=HealthConfig(test=["NONE"]),
    )
    made = merged(wanted, OWN)
    assert made.user == "me"
    assert made.env == ["B=3", "A=1"]
    assert made.labels == {"k": "v", "l": "mine"}
    assert set(made.exposed_ports) == {"80/tcp", "90/udp"}
    assert made.healthcheck == HealthConfig(test=["NONE"], retries=3)


def test_another_entrypoint_does_not_take_the_containers_command() -> None:
    made = merged(ContainerConfig(entrypoint=["/mine"]), OWN)
    assert (made.entrypoint, made.cmd) == (["/mine"], None)


def test_an_empty_entrypoint_takes_the_entrypoint_away() -> None:
    made = merged(ContainerConfig(entrypoint=[], cmd=["x"]), OWN)
    assert (made.entrypoint, made.cmd) == ([], ["x"])
