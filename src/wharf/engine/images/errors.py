"""What can be wrong with an image, in Docker's words."""

from wharf.errors import Conflict, InvalidParameter, NotFound


class NoSuchImage(NotFound):
    """No image has this name, id or id prefix; `ref` is shown as Docker shows it, with its tag."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"No such image: {ref}")
        self.ref = ref


class NoSuchReference(NotFound):
    """A name that leads to no image, where a name was needed."""

    def __init__(self) -> None:
        super().__init__("reference does not exist")


class ReferenceInUse(Conflict):
    """The last name of an image that a container uses."""

    def __init__(self, name: str, container: str, image: str) -> None:
        super().__init__(
            f'conflict: unable to remove repository reference "{name}" (must force) - '
            f"container {container} is using its referenced image {image}"
        )


class ImageInUse(Conflict):
    """The image cannot go: `cause` says why, `is_hard` whether force would help (it does not)."""

    def __init__(self, image: str, cause: str, *, is_hard: bool, is_used: bool) -> None:
        force = "cannot be forced" if is_hard else "must be forced"
        super().__init__(f"conflict: unable to delete {image} ({force}) - {cause}")
        self.is_used = is_used


class PlatformMismatch(NotFound):
    """The image is here, but for another machine."""

    def __init__(self, name: str, own: str, wanted: str) -> None:
        super().__init__(
            f"image with reference {name} was found but its platform ({own}) does not match the specified"
            f" platform ({wanted})"
        )


class BadImage(InvalidParameter):
    """A config, a manifest or an archive that describes no image that this engine can have."""
