"""Which containers use an image: what the images' room asks before it removes one."""

from wharf.engine.containers.index import Index
from wharf.engine.images.images import ImageUse


def image_uses(index: Index, image_id: str) -> list[ImageUse]:
    """Return the containers that were made from an image, or mount it."""
    return [
        ImageUse(container.id, container.is_alive)
        for container in index
        if image_id in (container.record.image_id, *(point.image_id for point in container.record.mounts))
    ]
