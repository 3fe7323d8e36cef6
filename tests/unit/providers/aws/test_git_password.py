"""The password of a CodeCommit repository. The vectors were computed with OpenSSL's command line, step by step."""

from datetime import UTC, datetime, timedelta

import pytest

from fakes.codecommit import CodeCommit
from keywright.demo.sigv4 import AccessKey
from keywright.providers.aws.git_password import git_password, username_of
from keywright.providers.aws.packed_keys import Keys

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
HOST = "git-codecommit.eu-central-1.amazonaws.com"
VECTORS = [
    (HOST, "/v1/repos/rocket", "eu-central-1", "9f6689c652af7f914885f2a77f285a4e61993eed34547f1d134bbd159fadfd47"),
    (HOST, "/v1/repos/Rocket.git", "eu-central-1", "c4e7a6016b27901bce12cc2f589aeab24a66f5df912b731994b5cf8ca5b3993d"),
    (
        "git-codecommit.cn-north-1.amazonaws.com.cn",
        "/v1/repos/a b/ü",
        "cn-north-1",
        "01cd5ede7568d1af603d37263143cfec92ed4e1be98eb9094d7a88d7bf010b27",
    ),
]


@pytest.mark.parametrize(("host", "path", "region", "signature"), VECTORS)
def test_it_is_the_instant_and_the_signature(host: str, path: str, region: str, signature: str) -> None:
    assert git_password(KEYS, host=host, path=path, region=region, now=NOW) == f"20260102T030405Z{signature}"


def test_the_instant_is_utc_to_the_second() -> None:
    def sign(now: datetime) -> str:
        return git_password(KEYS, host=HOST, path="/v1/repos/rocket", region="eu-central-1", now=now)

    assert sign(NOW + timedelta(microseconds=999_999)) == sign(NOW) != sign(NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("keys", "username"),
    [(KEYS, KEYS.access_key), (KEYS._replace(token="FwoG/+="), f"{KEYS.access_key}%FwoG/+=")],
)
def test_the_user_name_holds_the_session_token_where_there_is_one(keys: Keys, username: str) -> None:
    assert username_of(keys) == username


def test_a_server_that_computes_it_again_lets_in_that_repository_alone() -> None:
    key = AccessKey(id="ASIATEMP", secret="secret", session_token="token")
    keys = Keys(key.id, key.secret, key.session_token)
    password = git_password(keys, host=HOST, path="/v1/repos/rocket", region="eu-central-1", now=NOW)
    server = CodeCommit(host=HOST, path="/v1/repos/rocket", region="eu-central-1", keys=[key])
    assert server.accepts(username_of(keys), password, NOW)
    others = [
        CodeCommit(host=HOST, path="/v1/repos/other", region="eu-central-1", keys=[key]),
        CodeCommit(host=f"{HOST}.cn", path="/v1/repos/rocket", region="eu-central-1", keys=[key]),
        CodeCommit(host=HOST, path="/v1/repos/rocket", region="eu-west-1", keys=[key]),
    ]
    assert not any(other.accepts(username_of(keys), password, NOW) for other in others)
    assert not server.accepts(key.id, password, NOW), "the session token is missing"
    assert not server.accepts(username_of(keys), password, NOW + timedelta(minutes=16))
