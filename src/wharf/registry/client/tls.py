"""TLS contexts: the system's authorities and, from a registry's folder, more of them and our certificate.

The folder is Docker's, `<certificates>/<host>[:<port>]/`, with `*.crt` (authorities), `<n>.cert`, `<n>.key`.
"""

import os
import ssl

from wharf.errors import InvalidParameter
from wharf.registry.host import Host


def context_for(host: Host, certificates: str) -> ssl.SSLContext:
    """Return the context to speak to `host` with; raises InvalidParameter for files that are no use."""
    context = ssl.create_default_context()
    if not host.checks_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    folder = f"{certificates}/{host.domain}"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return context
    for name in names:
        path = f"{folder}/{name}"
        try:
            if name.endswith(".crt"):
                context.load_verify_locations(path)
            elif name.endswith(".cert"):
                context.load_cert_chain(path, f"{path.removesuffix('.cert')}.key")
        except (OSError, ssl.SSLError) as error:
            raise InvalidParameter(f'cannot use "{path}": {error}') from error
    return context
