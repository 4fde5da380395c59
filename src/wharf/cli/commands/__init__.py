"""The commands, one a file: each makes a `COMMAND`."""
