"""The job `account`: whether a user is known in a running container.

Docker says so when an exec instance is made, before anything runs. The container's own files answer, and they
are nobody's but the container's: a worker reads them, not wharfd. Nothing here needs an event loop.

Arguments: `user` (Docker's `user[:group]`). Descriptor: the root of the container. Raises Docker's words.
"""

from wharf.content.outcome import Job, Tell, job
from wharf.errors import InvalidParameter
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused
from wharf.runtime.identity import resolve_user

NAME = "account"


def _look_up(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    del tell  # it takes no time
    (root_fd,) = fds
    try:
        account = resolve_user(Root(root_fd), str(args["user"]))
    except Refused as error:
        raise InvalidParameter(str(error)) from error
    return {"uid": account.uid, "gid": account.gid}


JOBS: dict[str, Job] = {NAME: job(_look_up)}
