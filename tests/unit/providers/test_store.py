"""What clients hand over is kept and given back by the rules of git's own helpers and of docker's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keywright.credential import Credential
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.errors import VaultUnusable
from keywright.providers.store import Store
from keywright.request import Client, Handed, Request, Url, Verb
from keywright.secret import Secret
from keywright.vault.vault import Vault, open_vault

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
HTTPS = Url(scheme="https", host="git.example")


@pytest.fixture
def vault(home: Path) -> Vault:
    return open_vault({"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")})


@pytest.fixture
def store(vault: Vault) -> Store:
    return Store(vault)


def git(text: str, verb: str = "get") -> Request:
    """Return git's request in `protocol=https host=… …`, a blank between its lines."""
    return GitDialect().parse([verb], "".join(f"{line}\n" for line in text.split()).encode(), {})


def docker(server: str) -> Request:
    return DockerDialect().parse(["get"], server.encode(), {})


def login(server: str, username: str = "ann", secret: str = "p") -> Request:
    url = docker(server).url
    return Request(
        client=Client.DOCKER, verb=Verb.STORE, url=url, asked=server, username=username, password=Secret(secret)
    )


def pair(found: Credential | None) -> tuple[str | None, str] | None:
    return (found.username, found.secret.reveal()) if found else None


ANN = "protocol=https host=git.example username=ann password=one"
BOB = "protocol=https host=git.example username=bob password=two"
WITH_PATH = "protocol=https host=git.example path=team/app.git username=ann password=three"
EMPTY = "protocol=https host=git.example username= password="
HTTP = "protocol=http host=git.example username=ann password=plain"
PORT = "protocol=https host=git.example:8443 username=ann password=port"
CERT = "protocol=cert host= path=/home/ann/cert.pem username= password=phrase"


@pytest.mark.parametrize(
    ("kept", "asked", "expected"),
    [
        ([], "protocol=https host=git.example", None),
        ([ANN], "protocol=https host=git.example", ("ann", "one")),
        ([ANN], "protocol=https host=GIT.example", ("ann", "one")),
        ([ANN], "protocol=https host=git.example:443", ("ann", "one")),
        ([ANN], "protocol=https host=git.example username=ann", ("ann", "one")),
        ([ANN], "protocol=https host=git.example username=bob", None),
        ([ANN], "protocol=https host=git.example username=", None),
        ([ANN], "protocol=http host=git.example", None),
        ([ANN], "protocol=https host=other.example", None),
        ([ANN], "protocol=https host=git.example:8443", None),
        ([ANN], "protocol=https host=git.example.evil.example", None),
        ([ANN], "protocol=https host=git.example path=team/app.git", None),
        ([PORT], "protocol=https host=git.example", None),
        ([PORT], "protocol=https host=git.example:8443", ("ann", "port")),
        ([HTTP], "protocol=https host=git.example", None),
        ([HTTP], "protocol=http host=git.example", ("ann", "plain")),
        ([ANN, BOB], "protocol=https host=git.example username=ann", ("ann", "one")),
        ([ANN, BOB], "protocol=https host=git.example", ("bob", "two")),
        ([BOB, ANN], "protocol=https host=git.example", ("ann", "one")),
        ([WITH_PATH], "protocol=https host=git.example path=team/app.git", ("ann", "three")),
        ([WITH_PATH], "protocol=https host=git.example path=team/app", None),
        ([WITH_PATH], "protocol=https host=git.example path=team/app.git/info/lfs", None),
        ([WITH_PATH], "protocol=https host=git.example", ("ann", "three")),
        ([WITH_PATH, ANN], "protocol=https host=git.example path=team/app.git", ("ann", "three")),
        ([EMPTY], "protocol=https host=git.example", ("", "")),
        ([EMPTY], "protocol=https host=git.example username=", ("", "")),
        ([CERT], "protocol=cert host= path=/home/ann/cert.pem", ("", "phrase")),
        ([CERT], "protocol=cert host= path=/home/ann/other.pem", None),
        (
            ["protocol=smtp host=mail.example:587 username=ann password=m"],
            "protocol=smtp host=mail.example:587",
            ("ann", "m"),
        ),
    ],
)
def test_git_gets_what_fits_all_that_it_says(
    store: Store, kept: list[str], asked: str, expected: tuple[str, str] | None
) -> None:
    for text in kept:
        store.keep(git(text, "store"), NOW)
    assert pair(store.find(git(asked), NOW)) == expected


def test_the_same_place_and_user_has_one_password(store: Store, vault: Vault) -> None:
    store.keep(git(ANN, "store"), NOW)
    store.keep(git(ANN.replace("one", "new"), "store"), NOW)
    assert pair(store.find(git("protocol=https host=git.example"), NOW)) == ("ann", "new")
    assert vault.open().names() == ["git https://ann@git.example"]


def test_who_is_approved_again_is_the_latest(store: Store) -> None:
    for text in (ANN, BOB, ANN):
        store.keep(git(text, "store"), NOW)
    assert pair(store.find(git("protocol=https host=git.example"), NOW)) == ("ann", "one")


def test_handing_the_same_over_again_writes_nothing(store: Store, vault: Vault) -> None:
    store.keep(git(ANN, "store"), NOW)
    before = Path(vault.path).read_bytes()
    store.keep(git(ANN, "store"), NOW)
    assert Path(vault.path).read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "protocol=https host=git.example",
        "protocol=https host=git.example username=ann",
        "protocol=https host=git.example password=p",
        "protocol=https host=git.example authtype=Bearer",
        "protocol=https host=git.example credential=t",
        f"{ANN} ephemeral=1",
        f"{ANN} password_expiry_utc={int(NOW.timestamp())}",
    ],
)
def test_what_is_incomplete_ephemeral_or_past_is_not_kept(store: Store, vault: Vault, text: str) -> None:
    store.keep(git(text, "store"), NOW)
    assert not Path(vault.path).exists()


@pytest.mark.parametrize(
    ("erased", "left"),
    [
        ("protocol=https host=git.example", set()),
        ("protocol=https host=git.example username=ann", {"bob"}),
        ("protocol=https host=git.example username=ann password=one", {"bob"}),
        ("protocol=https host=git.example username=ann password=older", {"ann", "bob"}),
        ("protocol=https host=git.example password=two", {"ann"}),
        ("protocol=https host=git.example username=eve", {"ann", "bob"}),
        ("protocol=http host=git.example", {"ann", "bob"}),
        ("protocol=https host=git.example path=team/app.git", {"ann", "bob"}),
    ],
)
def test_git_erases_what_fits_and_holds_the_rejected_password(store: Store, erased: str, left: set[str]) -> None:
    for text in (ANN, BOB):
        store.keep(git(text, "store"), NOW)
    assert store.erase(git(erased, "erase")) == 2 - len(left)
    found = {
        name for name in ("ann", "bob") if store.find(git(f"protocol=https host=git.example username={name}"), NOW)
    }
    assert found == left


def test_erasing_where_nothing_is_makes_no_vault(store: Store, vault: Vault) -> None:
    assert store.erase(git("protocol=https host=git.example", "erase")) == 0
    assert not Path(vault.path).exists()


def test_an_expiry_ends_a_password(store: Store) -> None:
    end = int(LATER.timestamp())
    store.keep(git(f"{ANN} password_expiry_utc={end}", "store"), NOW)
    found = store.find(git("protocol=https host=git.example"), LATER - timedelta(seconds=1))
    assert found is not None
    assert found.expires_at == LATER
    assert store.find(git("protocol=https host=git.example"), LATER) is None


def test_of_what_has_expired_the_refresh_token_is_left(store: Store) -> None:
    end = int(LATER.timestamp())
    store.keep(git(f"{ANN} password_expiry_utc={end} oauth_refresh_token=r", "store"), NOW)
    for now, is_spent in ((NOW, False), (LATER, True)):
        found = store.find(git("protocol=https host=git.example"), now)
        assert found is not None
        assert found.kept is not None
        assert (found.kept.refresh_token, found.kept.is_spent) == (Secret("r"), is_spent)


def test_a_whole_credential_is_kept_with_its_scheme(store: Store) -> None:
    store.keep(git("protocol=https host=git.example authtype=Bearer credential=t", "store"), NOW)
    found = store.find(git("protocol=https host=git.example"), NOW)
    assert found is not None
    assert found.kept is not None
    assert (found.username, found.secret.reveal(), found.kept.authtype) == (None, "t", "Bearer")


HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("stored", "asked", "is_found"),
    [
        ("registry.example:5000", "registry.example:5000", True),
        ("registry.example:5000", "https://registry.example:5000", True),
        ("https://registry.example", "registry.example", True),
        ("https://registry.example", "registry.example:443", True),
        ("https://registry.example/", "https://registry.example", True),
        ("registry.example", "REGISTRY.example", True),
        ("registry.example", "http://registry.example", False),
        ("http://registry.example", "registry.example", False),
        ("http://registry.example", "https://registry.example", False),
        ("http://registry.example", "http://registry.example", True),
        ("registry.example:5000", "registry.example", False),
        ("registry.example", "registry.example:5000", False),
        ("registry.example", "registry.example.evil.example", False),
        ("registry.example", "registry.example/team/image", False),
        ("registry.example/v1", "registry.example", False),
        (HUB, HUB, True),
        (HUB, "index.docker.io", False),
        (f"{HUB}access-token", HUB, False),
        (f"{HUB}refresh-token", f"{HUB}refresh-token", True),
    ],
)
def test_docker_gets_by_the_server_however_it_spells_https(
    store: Store, stored: str, asked: str, is_found: bool
) -> None:
    store.keep(login(stored), NOW)
    assert (store.find(docker(asked), NOW) is not None) == is_found
    assert store.erase(docker(asked)._replace(verb=Verb.ERASE)) == is_found


def test_of_two_spellings_the_one_asked_for_is_handed_out(store: Store) -> None:
    store.keep(login("https://registry.example", secret="s"), NOW)
    store.keep(login("registry.example", secret="bare"), NOW)
    assert pair(store.find(docker("https://registry.example"), NOW)) == ("ann", "s")
    assert pair(store.find(docker("registry.example"), NOW)) == ("ann", "bare")


def test_docker_hubs_own_tokens_are_kept_apart(store: Store) -> None:
    for path in ("", "access-token", "refresh-token"):
        store.keep(login(f"{HUB}{path}", username="<token>", secret=path), NOW)
    for path in ("", "access-token", "refresh-token"):
        assert pair(store.find(docker(f"{HUB}{path}"), NOW)) == ("<token>", path)
    assert [item.spelling for item in store.listed()] == [HUB, f"{HUB}access-token", f"{HUB}refresh-token"]


def test_the_clients_do_not_see_each_others(store: Store) -> None:
    store.keep(git(ANN, "store"), NOW)
    store.keep(login("registry.example"), NOW)
    assert store.find(docker("git.example"), NOW) is None
    assert store.find(git("protocol=https host=registry.example"), NOW) is None
    assert [item.spelling for item in store.listed()] == ["registry.example"]


def test_no_other_client_is_kept_for(store: Store, vault: Vault) -> None:
    asked = Request(client=Client.KUBE, verb=Verb.GET, url=HTTPS, username="u", password=Secret("p"))
    store.keep(asked, NOW)
    assert store.find(asked, NOW) is None
    assert not Path(vault.path).exists()


def test_a_long_secret_is_kept_whole(store: Store) -> None:
    secret = "x" * 100_000
    store.keep(login("registry.example", secret=secret), NOW)
    assert pair(store.find(docker("registry.example"), NOW)) == ("ann", secret)


def test_a_record_of_another_version_is_told_without_its_content(store: Store, vault: Vault) -> None:
    with vault.edit() as records:
        records.put("git https://ann@git.example", Secret('{"canary": 1}'), "git https://git.example")
    with pytest.raises(VaultUnusable) as caught:
        store.find(git("protocol=https host=git.example"), NOW)
    assert "canary" not in repr(vars(caught.value)) + str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


BYTES = st.binary(max_size=40).filter(lambda b: not set(b) & {0, 10, 13})


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(username=BYTES, password=BYTES, path=BYTES)
def test_whatever_bytes_git_hands_over_come_back(store: Store, username: bytes, password: bytes, path: bytes) -> None:
    text = [value.decode("utf-8", "surrogateescape") for value in (username, password, path)]
    request = Request(
        client=Client.GIT,
        verb=Verb.STORE,
        url=HTTPS,
        username=text[0],
        password=Secret(text[1]),
        path=text[2] or None,
        handed=Handed(refresh_token=Secret(text[1])),
    )
    store.keep(request, NOW)
    found = store.find(request._replace(verb=Verb.GET, password=None), NOW)
    assert pair(found) == (text[0], text[1])


def names(store: Store, vault: Vault, **fields: Any) -> set[str]:
    store.keep(git(ANN, "store")._replace(**fields), NOW)
    return set(vault.open().names())


def test_whatever_differs_to_git_is_another_record(store: Store, vault: Vault) -> None:
    differing: list[dict[str, Any]] = [
        {},
        {"username": ""},
        {"username": "ann@git.example"},
        {"username": "ann/x"},
        {"path": "x"},
        {"path": "x/"},
        {"path": "x%2F"},
        {"url": HTTPS._replace(scheme="http")},
        {"url": HTTPS._replace(host="git.example:8443")},
    ]
    for number, fields in enumerate(differing, 1):
        assert len(names(store, vault, **fields)) == number
