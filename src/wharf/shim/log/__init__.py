"""Where what a container prints is kept: one writer for each log driver that a shim serves itself."""
