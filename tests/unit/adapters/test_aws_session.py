"""The session of a profile's identity: in this process what it is in the helpers."""

import os
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.sts import Sts
from keywright.adapters.aws_session import SessionCredentialProvider
from keywright.demo.sigv4 import AccessKey
from keywright.errors import ProviderNotFound, UsageError
from keywright.library.cached import CachedCredentialProvider
from keywright.providers.aws.packed_keys import Keys, unpack

KEY = AccessKey(id="AKIDTEST", secret="canary-secret")
ROLE = "arn:aws:iam::111122223333:role/team/deploy"
SETTINGS = f"""
version = 1
[profiles."aws-eks:prod"]
cluster = "prod"
region = "eu-central-1"
role_arn = "{ROLE}"
[profiles."aws-eks:test"]
cluster = "test"
region = "eu-west-1"
role_arn = "{ROLE}"
[profiles."aws-eks:keys"]
cluster = "prod"
region = "eu-central-1"
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
"""


@pytest.fixture
def sts(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    """An STS that lends to a user whose keys are in the environment."""
    settings = home / ".config/keywright/config.toml"
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.write_text(SETTINGS)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret)
    with Sts(callers=(KEY,), clock=lambda: datetime.now(UTC)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", running.url)
        yield running


def access_key(provider: SessionCredentialProvider) -> str:
    return unpack(provider.current()).access_key


def test_it_is_the_one_that_the_profiles_of_its_identity_share(sts: Sts) -> None:
    assert CachedCredentialProvider("aws-eks:prod").current().secret
    shared = {access_key(SessionCredentialProvider(profile)) for profile in ("aws-eks:prod", "aws-eks:test")}
    assert shared == {"ASIALENT1"}
    assert len(sts.asked) == 1


def test_it_is_lent_where_no_helper_has_asked_for_it_and_kept_for_them(sts: Sts) -> None:
    found = SessionCredentialProvider("aws-eks:prod").current()
    assert unpack(found) == Keys("ASIALENT1", "lent-canary-1", "session-canary-1")
    assert found.expires_at == datetime.now(UTC) + timedelta(hours=1)
    assert CachedCredentialProvider("aws-eks:test").current().secret
    assert len(sts.asked) == 1


def test_it_is_renewed_ahead_of_its_end(sts: Sts, clock: time_machine.Traveller) -> None:
    provider = SessionCredentialProvider("aws-eks:prod")
    assert access_key(provider) == "ASIALENT1"
    clock.shift(timedelta(hours=2))
    assert access_key(provider) == "ASIALENT2"


def test_a_rejected_one_is_gone_for_all(sts: Sts) -> None:
    provider, other = SessionCredentialProvider("aws-eks:prod"), SessionCredentialProvider("aws-eks:test")
    provider.invalidate(provider.current())
    assert access_key(provider) == access_key(other) == "ASIALENT2"


def test_keys_that_live_long_are_read_where_they_lie_and_never_cached(sts: Sts, home: Path) -> None:
    found = SessionCredentialProvider("aws-eks:keys").current()
    assert (unpack(found), found.expires_at) == (Keys(KEY.id, KEY.secret, None), None)
    assert SessionCredentialProvider("aws-ecr:default").current().secret == found.secret
    kept = [path for path in home.rglob("*") if path.is_file() and KEY.secret in path.read_text(errors="replace")]
    assert (kept, len(sts.asked)) == ([], 0)


@pytest.mark.parametrize(
    ("profile", "error", "text"),
    [
        ("github-app:acme", UsageError, "github-app:acme is no AWS profile"),
        ("openai:main", UsageError, "openai:main is no AWS profile"),
        ("aws-eks:nobody", ProviderNotFound, "there is no profile `aws-eks:nobody`"),
        ("aws-session:deploy", ProviderNotFound, "there is no profile `aws-session:deploy`"),
    ],
)
def test_what_has_no_session_is_told(sts: Sts, profile: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        SessionCredentialProvider(profile).current()


def test_an_environment_of_its_own_is_used_and_pickled_with_it(sts: Sts) -> None:
    provider = SessionCredentialProvider("aws-eks:prod", env={**os.environ, "AWS_ACCESS_KEY_ID": ""})
    again = pickle.loads(pickle.dumps(provider))
    assert repr(again) == repr(provider) == "SessionCredentialProvider('aws-eks:prod')"
    assert again._env == provider._env
