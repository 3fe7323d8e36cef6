"""A house with something of everything, whose documents are the same at each run: for `docs/reference/json.md`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.accounts import Accounts, oauth, token
from fakes.client import call
from fakes.minter import Minter
from fakes.oauth_issuer import Browser, OAuthIssuer
from fakes.own_vault import OwnVault
from keywright.dialects.docker import DockerDialect
from keywright.secret import Secret

CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
repositories = ["web"]
permissions = { contents = "read" }
[profiles."static:forge"]
url = "https://git.example"
secret = "vault://FORGE"
[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""


def furnish(own: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    """Put in settings, a credential, kept profiles of each mode, and a secret; returns who mints."""
    (own / "config.toml").write_text(CONFIG)
    monkeypatch.setattr("random.uniform", lambda _low, _high: 0.0)
    minter = Minter()
    minter.install(monkeypatch)
    call(DockerDialect(), ["get"], b"ghcr.io")
    people = Accounts()
    people.keep("openai:work", priority=10)
    people.keep("openai:home", oauth(email="me@example.com"))
    people.keep("github:me", token(3600))
    with OwnVault().vault.edit() as records:
        records.put("FORGE", Secret("s3cret"))
    return minter


@contextmanager
def issuer_of_logins(own: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OAuthIssuer]:
    """Have an issuer of grants for profiles `acme:…`, and a person who consents in their browser."""
    monkeypatch.setattr("keywright.profiles.login.browser.is_here", lambda _env: True)
    monkeypatch.setattr("keywright.profiles.login.browser.open_page", Browser())
    with OAuthIssuer() as server:
        (own / "providers.d").mkdir(mode=0o700)
        (own / "providers.d" / "acme.toml").write_text(server.toml)
        yield server
