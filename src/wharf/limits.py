"""Every limit on what comes from outside, in one table: bytes, counts and depths. Imports nothing.

A test stands at n and at n+1 of each. Sizes are bytes unless the name says otherwise.
"""

KIB = 1024
MIB = 1024 * KIB

REQUEST_BODY = 16 * MIB
"""JSON body of an API request; streams (archives, image loads) are not bodies in this sense."""

REQUEST_HEADERS = 64 * KIB
"""All header lines of an API request."""

PACKET = 64 * KIB
"""One message on a channel between our processes."""

PACKET_FDS = 16
"""Descriptors that may travel with one message."""

MANIFEST = 4 * MIB
"""An image manifest or index."""

IMAGE_CONFIG = 8 * MIB
"""An image's config document."""

ACCOUNT_FILE = 16 * MIB
"""How far into a container's /etc/passwd or /etc/group a name is looked for."""

ACCOUNT_LINE = 1 * MIB
"""The longest line of those files that is read."""

LAYERS = 127
"""Layers of one image: what one overlay mount of the kernel's page-sized options can hold."""
