"""What the image has at the places of a new container's volumes goes into those that are empty."""

from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts.point import MountPoint
from wharf.errors import Internal
from wharf.volume.population import Image as Folders


async def populate(
    context: Context, chain: str | None, points: list[MountPoint], *, declared: set[str]
) -> None:
    """Fill the volumes of `points` from the layers of `chain`.

    `declared` are the places that image or request name without a source: a file there is refused in words
    of its own. Raises Internal.
    """
    wanted = [point for point in points if point.copies]
    if not wanted:
        return
    lower = await context.layers.container_view(chain)
    folders = Folders(context.layers.folders.path, lower)
    for point in wanted:
        try:
            found = await context.volumes.fill(point.name, folders, point.destination, point.subpath)
        except Internal as error:
            raise Internal(f"failed to populate volume: {error}") from error
        if found == "file":
            path = f"{context.layers.folders.path}/{lower[0].removesuffix('fs')}merged{point.destination}"
            if point.destination in declared:
                raise Internal(f"cannot mount volume over existing file, file exists {path}")
            raise Internal(f"source {path} is not directory")
