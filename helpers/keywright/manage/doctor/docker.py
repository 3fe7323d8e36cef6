"""Whom docker and podman ask about which registry, and what lies in their files in clear."""

import os
import stat
from collections.abc import Iterator
from shlex import quote

from keywright.errors import KeywrightError
from keywright.manage.doctor.finding import Finding, error, ok, warning
from keywright.manage.doctor.programs import way_to
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.docker import HELPERS, NAME, STORE, DockerFile, docker_path, key_of, podman_path
from keywright.manage.install.file import read
from keywright.request import Client, parse_url
from keywright.settings.load import load, locate


def look(scene: Scene) -> Iterator[Finding]:
    """Look at docker's `config.json`, and at podman's `auth.json`."""
    yield from _look_at_file(DockerFile("docker", docker_path(scene.env)), scene)
    yield from _look_at_file(DockerFile("podman", podman_path(scene.env)), scene)


def _look_at_file(editor: DockerFile, scene: Scene) -> Iterator[Finding]:
    try:
        content = read(editor.path)
        document = editor.parse(content or b"")
    except KeywrightError as failure:
        yield error("docker-config-wrong", failure.what, failure.mend or f"ls -l {quote(editor.path)}")
        return
    helpers: dict[str, str] = document.get(HELPERS) or {}
    store: str = document.get(STORE) or ""
    if editor.client == "docker":
        yield from _look_at_routes(editor, helpers, store, scene)
    if content is None:
        return
    for name in sorted({*helpers.values(), store} - {""}):
        if not scene.which(f"docker-credential-{name}"):
            program = f"docker-credential-{name}"
            what = f"{editor.path} names the helper {name}, and {program} is not on PATH"
            yield error("docker-helper-missing", what, way_to(program) if name == NAME else f"install {quote(program)}")
    yield from _look_at_logins(editor, content)


def _look_at_logins(editor: DockerFile, content: bytes) -> Iterator[Finding]:
    """Find what `auths` keeps in base64, which is no protection."""
    logins = editor.hidden_logins(content)
    for name in logins:
        place = parse_url(name)
        host = str(place) if place else "a registry"  # a login in the name itself is not shown
        # Without a name it would be the login at Docker Hub that is given up.
        mend = f"{editor.client} logout {quote(name)}" if place else f"take it out of `auths` in {quote(editor.path)}"
        what = f"{editor.path} keeps the login at {host} in clear"
        yield warning("docker-login-in-clear", what, mend)
    if logins and os.stat(editor.path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"{editor.path} has logins in it, and is open to other users"
        yield error("docker-config-loose", what, f"chmod 600 {quote(editor.path)}")


def _look_at_routes(editor: DockerFile, helpers: dict[str, str], store: str, scene: Scene) -> Iterator[Finding]:
    """See that docker asks us about every registry that the settings route to somebody."""
    hosts = {route.url.host for route in load(locate(scene.env)).routes if route.client is Client.DOCKER}
    for host in sorted(host for host in hosts if "*" not in host):
        key = key_of(host, editor.client)
        asked = helpers.get(key, store)
        if asked == NAME:
            yield ok("docker-asked", f"about {host} docker asks keywright")
            continue
        whom = f"the helper {asked}" if asked else "nobody"
        force = " --force" if key in helpers else ""
        what = f"docker does not ask keywright about {host}: it asks {whom}"
        yield warning("docker-not-asked", what, f"keywright install docker {host}{force}")
