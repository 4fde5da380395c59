"""What a registry refuses, with the specification's codes and messages; the only table of its statuses."""

import json
from http import HTTPStatus

from aiohttp import web

_KNOWN = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_INVALID": (416, "blob upload invalid"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "MANIFEST_INVALID": (400, "manifest invalid"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_INVALID": (400, "invalid repository name"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "PAGINATION_NUMBER_INVALID": (400, "invalid number of results requested"),
    "SIZE_INVALID": (400, "provided length did not match content length"),
    "TAG_INVALID": (400, "manifest tag did not match URI"),
    "TOO_LARGE": (413, "manifest is too large"),
    "UNSUPPORTED": (405, "The operation is unsupported."),
}


class Refused(Exception):
    """A request that the registry does not do; `detail` says to what that is due."""

    def __init__(self, code: str, detail: object = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail

    def answer(self) -> web.Response:
        """Return it as the specification has it."""
        status, message = _KNOWN[self.code]
        fault = {"code": self.code, "message": message, "detail": self.detail}
        text = json.dumps({"errors": [fault]})
        return web.Response(status=HTTPStatus(status), text=text, content_type="application/json")
