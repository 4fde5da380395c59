"""docker-init: what `--init` puts before a container's program, made here as machine code.

It does what tini does for Docker: it runs the program in a process group of its own, in the foreground of its
terminal, hands on every signal, reaps what is left to it, and ends as the program ended. See ADR 0010.
"""

from wharf.engine.docker_init.elf import executable
from wharf.engine.docker_init.place import DESTINATION, install

__all__ = ["DESTINATION", "executable", "install"]
