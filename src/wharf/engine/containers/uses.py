"""Which containers use an image: what the images' room asks before it removes one."""

from wharf.engine.containers.index import Index
from wharf.engine.images.images import ImageUse


def image_uses(index: Index, image_id: str) -> list[ImageUse]:
    """Return the containers made from an image."""
    return [
        ImageUse(container.id, container.is_alive)
        for container in index
        if container.record.image_id == image_id
    ]
