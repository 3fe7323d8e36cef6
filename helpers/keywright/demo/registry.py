"""A container registry with one tiny image, behind HTTP Basic authentication.

    GET /v2/ HTTP/1.1                             GET /v2/demo/app/manifests/1 HTTP/1.1
                                                  Authorization: Basic QVdTOmV5…
    HTTP/1.1 401 Unauthorized
    Www-Authenticate: Basic realm="demo"          HTTP/1.1 200 OK
    {"errors": [{"code": "UNAUTHORIZED", …}]}     Docker-Content-Digest: sha256:5a1c…

It serves the reading half of the OCI Distribution Specification 1.1 for images in the OCI Image Specification 1.1.
Without a server context it speaks plain http: docker takes 127.0.0.0/8 for an insecure registry by itself.
"""

import gzip
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keywright.demo.exchange import Answer, Call, Reply, basic_credentials, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
BINARY: Final = "application/octet-stream"
BASE_ROUTE: Final = "GET /v2/"
MANIFEST_ROUTE: Final = "GET /v2/{name*}/manifests/{reference}"
BLOB_ROUTE: Final = "GET /v2/{name*}/blobs/{digest}"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that a registry addresses by their digest."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        """`sha256:` and the hash in hex."""
        return f"sha256:{sha256(self.body).hexdigest()}"

    def descriptor(self) -> dict[str, object]:
        """Return the OCI content descriptor that refers to these bytes."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body)}


class RegistryServer(LoopbackServer):
    """Serves the repositories it is given, each with the same image under the tag `1`."""

    def __init__(
        self,
        *,
        authorises: Callable[[str, str], bool],
        repositories: tuple[str, ...] = ("demo/app",),
        tls: ssl.SSLContext | None = None,
        clock: Clock = real_clock,
    ) -> None:
        """Prepare a registry that lets in whoever brings a user name and password that `authorises` says yes to."""
        super().__init__(
            {
                BASE_ROUTE: self._guarded(lambda _call: json_reply(200, {})),
                MANIFEST_ROUTE: self._guarded(self._manifest),
                BLOB_ROUTE: self._guarded(self._blob),
            },
            tls=tls,
            clock=clock,
        )
        self._authorises = authorises
        self._repositories = repositories
        index, manifest, *blobs = _image()
        self._manifests = {"1": index, index.digest: index, manifest.digest: manifest}
        self._blobs = {blob.digest: blob for blob in blobs}

    def _guarded(self, answer: Answer) -> Answer:
        def guarded(call: Call) -> Reply:
            pair = basic_credentials(call)
            if pair is None or not self._authorises(*pair):
                challenge = ("Www-Authenticate", 'Basic realm="demo"')
                return _error(401, "UNAUTHORIZED", "authentication required", challenge)
            return answer(call)

        return guarded

    def _manifest(self, call: Call) -> Reply:
        if call.values["name"] not in self._repositories:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        manifest = self._manifests.get(call.values["reference"])
        return _content(manifest) if manifest else _error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def _blob(self, call: Call) -> Reply:
        if call.values["name"] not in self._repositories:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        blob = self._blobs.get(call.values["digest"])
        return _content(blob) if blob else _error(404, "BLOB_UNKNOWN", "blob unknown to registry")


def _image() -> tuple[Content, Content, Content, Content]:
    """Return index, manifest, config and layer of an image for linux/amd64 with one empty layer."""
    tar = bytes(1024)  # the two zero blocks that end an archive
    layer = Content(LAYER, gzip.compress(tar, mtime=0))
    platform = {"architecture": "amd64", "os": "linux"}
    diff_id = Content(BINARY, tar).digest
    config = _document(CONFIG, {**platform, "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}})
    manifest = _document(
        MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        },
    )
    listed = {**manifest.descriptor(), "platform": platform}
    index = _document(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]})
    return index, manifest, config, layer


def _document(media_type: str, document: object) -> Content:
    return Content(media_type, json.dumps(document, indent=2).encode())


def _content(content: Content) -> Reply:
    headers = (("Content-Type", content.media_type), ("Docker-Content-Digest", content.digest))
    return Reply(status=200, headers=headers, body=content.body)


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    return json_reply(status, {"errors": [{"code": code, "message": message, "detail": None}]}, headers)
