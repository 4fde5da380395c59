"""Reading what containers wrote; the writing is the shim's."""
