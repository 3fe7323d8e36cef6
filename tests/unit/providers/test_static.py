"""A secret that is there already: found where the settings say, handed out for its own place, and left alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright.errors import ConfigurationError, KeywrightError, Unavailable
from keywright.providers.reference import SECRET_AT_MOST
from keywright.providers.static import StaticProvider
from keywright.request import Client, Request, Verb, parse_url
from keywright.secret import Secret
from keywright.settings.model import StaticOptions
from keywright.vault.vault import open_vault

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def read(home: Path, secret: str, url: str = "https://git.example", asked: str = "https://git.example/team/app") -> str:
    env = {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw"), "FORGE_TOKEN": "from-env", "EMPTY": ""}
    provider = StaticProvider(options=StaticOptions(url=url, secret=secret, username="ci"), env=env)
    client = Client.GIT if "://" in asked else Client.DOCKER
    found = provider.read(Request(client=client, verb=Verb.GET, url=parse_url(asked)), NOW)
    assert (found.username, found.issued_at, found.expires_at, found.kept) == ("ci", NOW, None, None)
    return found.secret.reveal()


@pytest.fixture
def secrets(home: Path) -> Path:
    (home / "token").write_bytes(b"from-file\n")
    (home / "crlf").write_bytes(b"from-file\r\n")
    (home / "two").write_bytes(b"one\n\n")
    (home / "bytes").write_bytes(b"\xff")
    (home / "empty").write_bytes(b"\n")
    (home / "long").write_bytes(b"x" * (SECRET_AT_MOST + 1))
    (home / "folder").mkdir()
    with open_vault({"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}).edit() as records:
        records.put("FORGE_TOKEN", Secret("from-vault"))
    return home


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("env://FORGE_TOKEN", "from-env"),
        ("file://~/token", "from-file"),
        ("file://~/crlf", "from-file"),
        ("file://~/two", "one\n"),
        ("file://~/bytes", "\udcff"),
        ("vault://FORGE_TOKEN", "from-vault"),
    ],
)
def test_a_secret_is_found_where_the_settings_say(secrets: Path, secret: str, expected: str) -> None:
    assert read(secrets, secret) == expected


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("env://ABSENT", "the environment variable ABSENT is empty or not set"),
        ("env://EMPTY", "the environment variable EMPTY is empty or not set"),
        ("file://~/absent", "does not exist"),
        ("file://~/empty", "is empty or not set"),
        ("file://~/long", "longer than"),
        ("file://~/folder", "cannot be read"),
        ("vault://ABSENT", "ABSENT"),
    ],
)
def test_a_missing_secret_is_no_empty_credential(secrets: Path, secret: str, told: str) -> None:
    with pytest.raises(Unavailable, match=told) as caught:
        read(secrets, secret)
    assert caught.value.mend


@pytest.mark.parametrize(
    ("url", "asked", "is_its_place"),
    [
        ("https://git.example", "https://git.example", True),
        ("https://git.example", "https://git.example/team/app", True),
        ("https://git.example/team", "https://git.example/team/app", True),
        ("https://git.example/team", "https://git.example/team-evil/app", False),
        ("https://git.example/team", "https://git.example", False),
        ("https://git.example", "https://git.example.evil.example", False),
        ("https://git.example", "https://git.example:8443", False),
        ("https://git.example", "http://git.example", False),
        ("https://git.example/team/app.git", "https://git.example/team/app", True),  # as git's dialect reads app.git
        ("https://git.example/team/app.git", "https://git.example/team", False),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/x", True),
        ("registry.example:5000", "registry.example:5000", True),
        ("registry.example:5000", "https://registry.example:5000", True),
        ("registry.example", "registry.example:443", True),
        ("https://registry.example", "registry.example", True),
        ("registry.example", "http://registry.example", False),
        ("registry.example:5000", "registry.example", False),
    ],
)
def test_a_secret_goes_to_its_own_place_alone(secrets: Path, url: str, asked: str, is_its_place: bool) -> None:
    if is_its_place:
        assert read(secrets, "env://FORGE_TOKEN", url, asked) == "from-env"
        return
    with pytest.raises(ConfigurationError, match="alone"):
        read(secrets, "env://FORGE_TOKEN", url, asked)


@pytest.mark.parametrize("client", list(Client))
def test_who_does_not_say_where_gets_nothing_unless_it_is_a_person(secrets: Path, client: Client) -> None:
    options = StaticOptions(url="https://git.example", secret="env://FORGE_TOKEN")
    provider = StaticProvider(options=options, env={"FORGE_TOKEN": "t"})
    request = Request(client=client, verb=Verb.GET, profile="static:x")
    if client is Client.PERSON:
        found = provider.read(request, NOW)
        assert (found.username, found.secret) == (None, Secret("t"))
        return
    with pytest.raises(KeywrightError, match="does not say where"):
        provider.read(request, NOW)
