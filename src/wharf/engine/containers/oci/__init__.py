"""A container's record turned into an OCI runtime configuration; pure but for what it reads from the host."""
