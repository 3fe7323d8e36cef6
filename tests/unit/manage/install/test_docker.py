"""docker's and podman's files: hosts, styles, and what is wrong with some."""

import json

import pytest

from keywright.errors import ConfigurationError, UsageError
from keywright.manage.install.docker import DockerFile, docker_path, key_of, podman_path

FILE = DockerFile("docker", "/home/me/.docker/config.json")
DOCUMENT = {
    "auths": {"registry.example.com": {"auth": "Y2FuYXJ5"}},
    "HttpHeaders": {"X-Meta": "canary"},
    "credHelpers": {"eu.gcr.io": "gcloud"},
    "detachKeys": "ctrl-e,e",
    "plugins": {"debug": {"hooks": "exec"}},
    "aliases": {"ümlaut": "<b>"},
}


@pytest.mark.parametrize(
    ("host", "docker", "podman"),
    [
        ("ghcr.io", "ghcr.io", "ghcr.io"),
        ("GHCR.io.", "ghcr.io", "ghcr.io"),
        ("https://ghcr.io/", "ghcr.io", "ghcr.io"),
        ("localhost:5000", "localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000", "[::1]:5000"),
        *((hub, "https://index.docker.io/v1/", "docker.io") for hub in ("docker.io", "index.docker.io")),
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "https://index.docker.io/v1/", "docker.io"),
    ],
)
def test_a_registry_goes_by_its_clients_name(host: str, docker: str, podman: str) -> None:
    assert (key_of(host, "docker"), key_of(host, "podman")) == (docker, podman)


@pytest.mark.parametrize("host", ["", "ghcr.io/acme", "ftp://x", "*.ecr.aws", "a b", "x\n", "docker.io/library"])
def test_what_is_no_registry_is_refused(host: str) -> None:
    with pytest.raises(UsageError):
        key_of(host, "docker")


@pytest.mark.parametrize(
    ("env", "docker", "podman"),
    [
        ({}, "/h/.docker/config.json", "/h/.config/containers/auth.json"),
        ({"XDG_CONFIG_HOME": "/c"}, "/h/.docker/config.json", "/c/containers/auth.json"),
        ({"XDG_CONFIG_HOME": "/c", "XDG_RUNTIME_DIR": "/r"}, "/h/.docker/config.json", "/r/containers/auth.json"),
        ({"DOCKER_CONFIG": "/d", "XDG_RUNTIME_DIR": "/r"}, "/d/config.json", "/r/containers/auth.json"),
        ({"REGISTRY_AUTH_FILE": "/a.json", "XDG_RUNTIME_DIR": "/r"}, "/h/.docker/config.json", "/a.json"),
    ],
)
def test_the_file_is_the_clients_own(env: dict[str, str], docker: str, podman: str) -> None:
    env = {"HOME": "/h", **env}
    assert (docker_path(env), podman_path(env)) == (docker, podman)


@pytest.mark.parametrize("indent", ["\t", 2, 4, 3, None])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_in_and_out_again_is_byte_for_byte(indent: str | int | None, is_ascii: bool, ending: bytes) -> None:
    before = json.dumps(DOCUMENT, indent=indent, ensure_ascii=is_ascii).encode() + ending
    targets = ["credHelpers ghcr.io", "credsStore", "credHelpers eu.gcr.io"]
    was = FILE.find(before, targets)
    after = FILE.edit(before, dict.fromkeys(targets, "keywright"))
    assert json.loads(after)["credHelpers"] == {"eu.gcr.io": "keywright", "ghcr.io": "keywright"}
    assert list(json.loads(after))[: len(DOCUMENT)] == list(DOCUMENT)
    assert FILE.edit(after, was) == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("is_ended", [True, False])
@pytest.mark.parametrize(
    "lines",
    [
        ["{", r'	"psFormat": "table {{.ID}} \u003c{{.Names}}\u003e \u0026 \u2028",', '	"detachKeys": "ü"', "}"],
        ["{", '  "auths": {}', "}"],
    ],
)
def test_what_docker_wrote_or_another_system_s_editor_comes_back(
    lines: list[str], newline: str, *, is_ended: bool
) -> None:
    before = (newline.join(lines) + newline * is_ended).encode()
    after = FILE.edit(before, {"credHelpers ghcr.io": "keywright"})
    assert after.count(b"\n") == after.count(newline.encode())
    assert FILE.edit(after, {"credHelpers ghcr.io": None}) == before


def test_half_a_surrogate_pair_stays_what_docker_and_we_can_read() -> None:
    after = FILE.edit(b'{"psFormat":   "\\ud800"}', {"credsStore": "keywright"})
    assert b"\\ud800" in after
    assert FILE.find(after, ["credsStore"]) == {"credsStore": "keywright"}


def test_helpers_that_we_brought_go_with_their_table() -> None:
    before = b'{\n\t"auths": {}\n}'
    after = FILE.edit(before, {"credHelpers ghcr.io": "keywright"})
    assert FILE.edit(after, {"credHelpers ghcr.io": None}) == before


def test_a_null_is_as_good_as_nothing() -> None:
    before = b'{"auths": {}, "credHelpers": null, "credsStore": null}'
    assert FILE.find(before, ["credHelpers ghcr.io", "credsStore"]) == {"credHelpers ghcr.io": None, "credsStore": None}
    after = FILE.edit(before, {"credHelpers ghcr.io": "keywright"})
    assert json.loads(after) == {"auths": {}, "credHelpers": {"ghcr.io": "keywright"}, "credsStore": None}
    assert json.loads(FILE.edit(after, {"credHelpers ghcr.io": None})) == {"auths": {}, "credsStore": None}


def test_a_new_file_is_as_docker_writes_it() -> None:
    assert FILE.edit(b"", {"credsStore": "keywright"}) == b'{\n\t"credsStore": "keywright"\n}'


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"null",
        b'"canary"',
        b"\xff",
        b'{"credHelpers": []}',
        b'{"credHelpers": {"a": {"canary": 1}}}',
        b'{"credHelpers": ""}',
        b'{"credsStore": 1}',
        b'{"credsStore": []}',
        b'{"credsstore": "x"}',
        b'{"CredHelpers": {}}',
        b'{"auths": {"a": {}, "a": {"auth": "canary"}}}',
        b'{"canary": NaN}',
        b'{"canary": -Infinity}',
        b'{"canary": 1e999}',
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_one_clear_line(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"\A/home/me/\.docker/config\.json[^\n]*\Z") as caught:
        FILE.edit(content, {"credsStore": "keywright"})
    assert "canary" not in str(caught.value)


def test_logins_in_the_file_are_named_and_empty_ones_are_not() -> None:
    content = json.dumps({"auths": {"a.io": {"auth": "x"}, "b.io": {}, "c.io": {"identitytoken": "y"}}}).encode()
    assert FILE.hidden_logins(content) == ["a.io", "c.io"]
    assert FILE.hidden_logins(b'{"auths": null}') == []


@pytest.mark.parametrize(
    ("key", "hidden"),
    [
        ("a.io", ["https://a.io", "A.io/v2/", "a.io/acme"]),
        ("https://index.docker.io/v1/", ["https://index.docker.io/v1/", "docker.io"]),
        ("docker.io", ["https://index.docker.io/v1/", "docker.io"]),
        ("a.io:5000", []),
        ("c.io", []),
    ],
)
def test_a_helper_of_one_registry_hides_the_logins_of_that_one(key: str, hidden: list[str]) -> None:
    names = ["https://a.io", "A.io/v2/", "a.io/acme", "https://index.docker.io/v1/", "docker.io", "b.io", "a b"]
    content = json.dumps({"auths": {name: {"auth": "x"} for name in names} | {"c.io": {}}}).encode()
    assert FILE.hidden_logins(content, [key]) == hidden


def test_a_shown_file_has_no_secret_in_it() -> None:
    shown = "\n".join(FILE.lines(json.dumps(DOCUMENT).encode()))
    assert "gcloud" in shown
    assert "canary" not in shown
    assert "Y2FuYXJ5" not in shown
