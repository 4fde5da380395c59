"""`wharf-runtime`: the runtime as a program, with runc's command line, for engines other than our own."""
