"""The way to the issuers: proxies, and whom TLS trusts."""

import os
import ssl
from collections.abc import Iterator
from shlex import quote
from typing import Final

from keywright.authorities import elsewhere
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene

PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
FILES: Final = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
FOLDERS: Final = ("SSL_CERT_DIR",)
_USED: Final = frozenset({"HTTPS_PROXY", "https_proxy"})


def look_at_proxies(scene: Scene) -> Iterator[Finding]:
    """Name the proxies, never with the login that an address may hold."""
    for name in PROXIES:
        if address := scene.env.get(name, ""):
            yield _proxy(name, address)
    if len({scene.env[name] for name in _USED if scene.env.get(name)}) > 1:
        yield warning("proxy-differs", "HTTPS_PROXY and https_proxy differ; https_proxy wins", "unset HTTPS_PROXY")
    if scene.env.get("NO_PROXY") or scene.env.get("no_proxy"):
        count = len([part for part in (scene.env.get("no_proxy") or scene.env["NO_PROXY"]).split(",") if part.strip()])
        yield note("proxy-exceptions", f"NO_PROXY names {count} hosts or domains that are asked without a proxy")
    if not any(scene.env.get(name) for name in PROXIES):
        yield ok("proxy-none", "no proxy is set")


def _proxy(name: str, value: str) -> Finding:
    from urllib3.exceptions import LocationParseError
    from urllib3.util import Url, parse_url

    try:
        address = parse_url(value if "://" in value else f"http://{value}")
    except LocationParseError:
        address = Url()
    # A `/`, `?` or `#` in a password ends the host too soon, which then is the login's beginning.
    is_cut = "@" in f"{address.path}{address.query}{address.fragment}"
    if address.scheme not in {"http", "https"} or not address.host or is_cut:
        if name not in _USED:
            return note("proxy-other", f"{name} is set, and is no HTTP proxy; keywright does not use it")
        return error("proxy-wrong", f"{name} is not the address of an HTTP proxy", f"export {name}=http://HOST:PORT")
    where = f"{address.host}:{address.port}" if address.port else address.host
    login = ", with a login that every program you start can read" if address.auth else ""
    if name not in _USED:
        return note("proxy-other", f"{name} names the proxy {where}{login}; issuers are asked through HTTPS_PROXY only")
    if login:
        return note("proxy-login", f"issuers are asked through the proxy {where} ({name}){login}")
    return note("proxy", f"issuers are asked through the proxy {where} ({name})")


def look_at_certificates(scene: Scene) -> Iterator[Finding]:
    """See that what names certificates names some, and that there are some where nothing does."""
    faults = 0
    for name in (*FILES, *FOLDERS):
        path = scene.env.get(name, "")
        if not path:
            continue
        wanted = "a folder" if name in FOLDERS else "a file"
        is_there = os.path.isdir(path) if name in FOLDERS else os.path.isfile(path)
        if not is_there and not (name == "REQUESTS_CA_BUNDLE" and os.path.isdir(path)):
            faults += 1
            yield error("certificates-missing", f"{name} names {path}, which is not {wanted}", f"unset {name}")
        elif not os.access(path, os.R_OK):
            faults += 1
            yield error(
                "certificates-unreadable", f"{name} names {path}, which you cannot read", f"chmod a+r {quote(path)}"
            )
        elif name not in FOLDERS and not _holds_certificates(path):
            faults += 1
            yield error("certificates-none", f"{name} names {path}, which holds no certificate", f"unset {name}")
    if faults:
        return
    defaults = ssl.get_default_verify_paths()
    file = scene.env.get("SSL_CERT_FILE") or defaults.cafile or elsewhere(scene.env) or ""
    folder = scene.env.get("SSL_CERT_DIR") or defaults.capath or ""
    if os.path.isfile(file):
        yield ok("certificates-found", f"TLS trusts the certificates in {file}")
    elif os.path.isdir(folder) and os.listdir(folder):
        yield ok("certificates-found", f"TLS trusts the certificates in {folder}")
    else:
        yield error(
            "certificates-absent", "there are no certificates that TLS could trust", "apt-get install ca-certificates"
        )


def _holds_certificates(path: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        return os.path.isdir(path)
    return True
