"""Kept profiles as tests make them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from fakes.canary import TYPED
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import PREFIX
from keywright.profiles.model import ApiKey, AuthProfile, Kept, OAuth, Token
from keywright.secret import Secret
from keywright.vault.vault import open_vault

BORN: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOON: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)


def secret(text: str) -> Secret:
    """Return a secret that the sweep after the suite would find in clear."""
    return Secret(f"{TYPED} {text}")


def profile(id_: str, credential: Kept | None = None, *, born: datetime = BORN, **fields: Any) -> AuthProfile:
    """Return a profile, of a key of its own unless it is given something else."""
    credential = credential or ApiKey(secret(id_))
    return AuthProfile(ProfileId.parse(id_), credential, created_at=born, updated_at=born, **fields)


def token(*, left: timedelta | None = None, ref: str = "") -> Token:
    """Return a token with that much left at noon; None never expires."""
    return Token(None if ref else secret("token"), ref, None if left is None else NOON + left)


def grant(*, left: timedelta | None = timedelta(hours=1), **fields: Any) -> OAuth:
    """Return a grant whose access token has that much left at noon."""
    given: dict[str, Any] = {"access_token": secret("access"), "refresh_token": secret("refresh"), **fields}
    return OAuth(expires_at=None if left is None else NOON + left, **given)


def put_record(env: Mapping[str, str], provider: str, document: object) -> None:
    """Have the vault hold a provider's profiles, whatever they look like."""
    text = document if isinstance(document, str) else json.dumps(document)
    name = PREFIX + provider
    with open_vault(env).edit() as records:
        records.put(name, Secret(text), name, at_most=1 << 26)


def register(home: Path, name: str, token_url: str = "", hosts: tuple[str, ...] = ()) -> None:
    """Add a provider of one's own to the settings in `home`, which is `$KEYWRIGHT_HOME`."""
    folder = home / "providers.d"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = ['modes = ["oauth", "token", "api_key"]', f"hosts = {json.dumps(hosts)}"]
    if token_url:
        lines += ["[oauth_endpoint]", f'token_url = "{token_url}"']
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")
