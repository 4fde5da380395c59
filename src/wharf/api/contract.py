"""Every operation of the Engine API 1.51, and what dockerd serves beside its description.

An operation that no router implements is answered 501 with its name; one that is not listed is answered 404.
"""

from typing import Final

OPERATIONS: Final = tuple(
    (method, path)
    for path, methods in {
        "/containers/json": "GET",
        "/containers/create": "POST",
        "/containers/{id}/json": "GET",
        "/containers/{id}/top": "GET",
        "/containers/{id}/logs": "GET",
        "/containers/{id}/changes": "GET",
        "/containers/{id}/export": "GET",
        "/containers/{id}/stats": "GET",
        "/containers/{id}/resize": "POST",
        "/containers/{id}/start": "POST",
        "/containers/{id}/stop": "POST",
        "/containers/{id}/restart": "POST",
        "/containers/{id}/kill": "POST",
        "/containers/{id}/update": "POST",
        "/containers/{id}/rename": "POST",
        "/containers/{id}/pause": "POST",
        "/containers/{id}/unpause": "POST",
        "/containers/{id}/attach": "POST",
        "/containers/{id}/attach/ws": "GET",
        "/containers/{id}/wait": "POST",
        "/containers/{id}": "DELETE",
        "/containers/{id}/archive": "HEAD GET PUT",
        "/containers/prune": "POST",
        "/images/json": "GET",
        "/build": "POST",
        "/build/prune": "POST",
        "/images/create": "POST",
        "/images/{name}/json": "GET",
        "/images/{name}/history": "GET",
        "/images/{name}/push": "POST",
        "/images/{name}/tag": "POST",
        "/images/{name}": "DELETE",
        "/images/search": "GET",
        "/images/prune": "POST",
        "/auth": "POST",
        "/info": "GET",
        "/version": "GET",
        "/_ping": "GET HEAD",
        "/commit": "POST",
        "/events": "GET",
        "/system/df": "GET",
        "/images/{name}/get": "GET",
        "/images/get": "GET",
        "/images/load": "POST",
        "/containers/{id}/exec": "POST",
        "/exec/{id}/start": "POST",
        "/exec/{id}/resize": "POST",
        "/exec/{id}/json": "GET",
        "/volumes": "GET",
        "/volumes/create": "POST",
        "/volumes/{name}": "GET PUT DELETE",
        "/volumes/prune": "POST",
        "/networks": "GET",
        "/networks/{id}": "GET DELETE",
        "/networks/create": "POST",
        "/networks/{id}/connect": "POST",
        "/networks/{id}/disconnect": "POST",
        "/networks/prune": "POST",
        "/plugins": "GET",
        "/plugins/privileges": "GET",
        "/plugins/pull": "POST",
        "/plugins/{name}/json": "GET",
        "/plugins/{name}": "DELETE",
        "/plugins/{name}/enable": "POST",
        "/plugins/{name}/disable": "POST",
        "/plugins/{name}/upgrade": "POST",
        "/plugins/create": "POST",
        "/plugins/{name}/push": "POST",
        "/plugins/{name}/set": "POST",
        "/nodes": "GET",
        "/nodes/{id}": "GET DELETE",
        "/nodes/{id}/update": "POST",
        "/swarm": "GET",
        "/swarm/init": "POST",
        "/swarm/join": "POST",
        "/swarm/leave": "POST",
        "/swarm/update": "POST",
        "/swarm/unlockkey": "GET",
        "/swarm/unlock": "POST",
        "/services": "GET",
        "/services/create": "POST",
        "/services/{id}": "GET DELETE",
        "/services/{id}/update": "POST",
        "/services/{id}/logs": "GET",
        "/tasks": "GET",
        "/tasks/{id}": "GET",
        "/tasks/{id}/logs": "GET",
        "/secrets": "GET",
        "/secrets/create": "POST",
        "/secrets/{id}": "GET DELETE",
        "/secrets/{id}/update": "POST",
        "/configs": "GET",
        "/configs/create": "POST",
        "/configs/{id}": "GET DELETE",
        "/configs/{id}/update": "POST",
        "/distribution/{name}/json": "GET",
        "/session": "POST",
    }.items()
    for method in methods.split()
)
"""(method, path) of every operation in the published description."""

UNPUBLISHED: Final = (
    ("GET", "/networks/"),
    ("POST", "/build/cancel"),
    ("POST", "/grpc"),
)
"""What dockerd 28 serves beside it."""

EXPERIMENTAL: Final = (
    ("GET", "/containers/{id}/checkpoints"),
    ("POST", "/containers/{id}/checkpoints"),
)
"""What it serves only when its experimental features are on; ours never are."""

EXPERIMENTAL_ONLY: Final = (
    "This experimental feature is disabled by default. Start the Docker daemon in experimental mode "
    "in order to enable it."
)
