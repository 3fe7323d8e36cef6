"""Whom TLS trusts: the system's certificate authorities, wherever this system keeps them.

OpenSSL looks for them where its maker's system has them. The frozen bundle brings its maker's OpenSSL to other systems,
where that folder is empty or absent, and every server would be a stranger.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora and RHEL, until they dropped it
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora and RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS
)
"""Where systems keep them in one file, as Go's crypto/x509 (root_linux.go) knows it too."""


def elsewhere(env: Mapping[str, str]) -> str | None:
    """Return the file to read them from where OpenSSL's own place has none; None where it needs no help.

    Who sets SSL_CERT_FILE or SSL_CERT_DIR has said which they are.
    """
    if env.get("SSL_CERT_FILE") or env.get("SSL_CERT_DIR"):
        return None
    import ssl

    own = ssl.get_default_verify_paths()
    return first_of(FILES, own.openssl_cafile, own.openssl_capath)


def first_of(files: Sequence[str], own_file: str, own_folder: str) -> str | None:
    """Return the first of the files that there is, unless OpenSSL's own file or folder has something to read."""
    if os.path.isfile(own_file) or _is_used(own_folder):
        return None
    return next((file for file in files if os.path.isfile(file)), None)


def _is_used(folder: str) -> bool:
    """Return whether OpenSSL finds anything there: it goes by names such as 5ed36f99.0 alone."""
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False
