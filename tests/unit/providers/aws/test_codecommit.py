from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.codecommit import CodeCommit
from fakes.sts import Sts
from keywright.demo.sigv4 import AccessKey
from keywright.errors import ConfigurationError, UsageError
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers.aws.codecommit import CodecommitProvider, Repository, repository_for
from keywright.providers.base import Aid, Minted
from keywright.request import Url, parse_url
from keywright.settings.model import CodecommitOptions

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = AccessKey(id="AKIDTEST", secret="canary-secret")
ROLE = "arn:aws:iam::111122223333:role/deploy"
HOST = "git-codecommit.eu-central-1.amazonaws.com"
URL = Url(scheme="https", host=HOST, path="v1/repos/app")


class User:
    """Keys in the environment, and what passwords come of them."""

    def __init__(self, home: Path) -> None:
        self.env = {
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": KEY.id,
            "AWS_SECRET_ACCESS_KEY": KEY.secret,
        }

    def provider(self, url: Url = URL, **options: str) -> CodecommitProvider:
        table = CodecommitOptions(**options)
        repository = repository_for(table, url)
        return CodecommitProvider(profile="aws-codecommit:x", options=table, repository=repository, env=self.env)

    def mint(self, url: Url = URL, *, now: datetime = NOW, aid: Aid | None = None, **options: str) -> Minted:
        return self.provider(url, **options).fetch(now, 20, {}, aid or Aid())


@pytest.fixture
def user(home: Path) -> User:
    return User(home)


def lets_in(minted: Minted, *keys: AccessKey, host: str = HOST, path: str = "/v1/repos/app") -> bool:
    server = CodeCommit(host=host, path=path, region="eu-central-1", keys=keys)
    credential = minted.credential
    return server.accepts(credential.username or "", credential.secret.reveal(), credential.issued_at)


def test_a_password_is_for_its_repository_and_lives_a_quarter_of_an_hour(user: User) -> None:
    minted = user.mint()
    assert lets_in(minted, KEY)
    assert not lets_in(minted, KEY, path="/v1/repos/other")
    assert minted.credential.expires_at == NOW + timedelta(minutes=15)
    assert dict(minted.inputs) == dict(user.provider().inputs) == {path: stamp(path) for path in minted.inputs}
    assert user.provider().margins == Margins(refuse_default=timedelta(seconds=60))


def test_temporary_keys_bring_their_session_token_as_part_of_the_name(user: User) -> None:
    user.env["AWS_SESSION_TOKEN"] = "session/+="
    minted = user.mint()
    assert minted.credential.username == f"{KEY.id}%session/+="
    assert lets_in(minted, AccessKey(id=KEY.id, secret=KEY.secret, session_token="session/+="))


def test_the_path_is_signed_as_it_is_spelt(user: User) -> None:
    for path in ("v1/repos/app.git", "v1/repos/App", "v1/repos/a b"):
        assert lets_in(user.mint(URL._replace(path=path)), KEY, path=f"/{path}")


def test_the_host_is_signed_without_its_port(user: User) -> None:
    minted = user.mint(URL._replace(host="alias.example.com:8443"), region="eu-central-1")
    assert lets_in(minted, KEY, host="alias.example.com")


@pytest.fixture
def sts(user: User) -> Iterator[Sts]:
    with Sts(callers=(KEY,), clock=lambda: NOW) as running:
        user.env["AWS_ENDPOINT_URL_STS"] = running.url
        yield running


def test_the_session_of_a_role_signs_and_ends_its_passwords(user: User, sts: Sts) -> None:
    parent = user.provider(role_arn=ROLE).parent
    assert parent
    assert parent.lifetime == timedelta(minutes=15)
    session = parent.provider.fetch(NOW, 20, {}).credential
    late = NOW + timedelta(minutes=50)
    minted = user.mint(now=late, aid=Aid(parent=session), role_arn=ROLE)
    assert lets_in(minted, *sts.keys)
    assert minted.credential.expires_at == session.expires_at == NOW + timedelta(hours=1)
    alone = user.mint(role_arn=ROLE)
    assert lets_in(alone, *sts.keys)
    assert sts.total == 2


def test_without_a_path_it_says_how_to_have_git_say_it_and_asks_nobody(user: User, sts: Sts) -> None:
    with pytest.raises(ConfigurationError) as caught:
        user.mint(URL._replace(path=""), role_arn=ROLE)
    assert str(caught.value) == (
        "a CodeCommit password is for one repository, and git did not say which; "
        f"run `git config --global credential.https://{HOST}.useHttpPath true`"
    )
    assert user.provider(URL._replace(path=""), role_arn=ROLE).parent is None
    assert sts.total == 0


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        (f"https://{HOST}/v1/repos/app", "", "eu-central-1"),
        (f"https://{HOST}/v1/repos/app", "us-east-1", "eu-central-1"),
        ("https://alias.example.com/v1/repos/app", "us-east-1", "us-east-1"),
        ("http://127.0.0.1:8080/v1/repos/app", "us-east-1", "us-east-1"),
    ],
)
def test_the_region_is_the_hosts_or_else_the_settings(url: str, region: str, expected: str) -> None:
    place = parse_url(url)
    assert place
    assert repository_for(CodecommitOptions(region=region), place) == Repository(url=place, region=expected)


@pytest.mark.parametrize(
    ("url", "region", "words"),
    [
        ("https://alias.example.com/x", "", "alias.example.com is not an AWS CodeCommit host"),
        (f"https://{HOST}.evil.example/x", "", "is not an AWS CodeCommit host; mend the route"),
        ("https://alias.example.com/x", "nowhere", "is not an AWS CodeCommit host"),
        (f"http://{HOST}/x", "", "is not asked over https"),
        (f"{HOST}/x", "", "is not asked over https"),
    ],
)
def test_another_host_gets_nothing(url: str, region: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        repository_for(CodecommitOptions(region=region), parse_url(url))


def test_without_a_client_the_settings_name_the_repository() -> None:
    assert repository_for(CodecommitOptions(repository=str(URL)), None).url == URL
    with pytest.raises(UsageError, match="needs a repository's URL"):
        repository_for(CodecommitOptions(), None)


def test_every_repository_host_and_region_has_a_key_of_its_own(user: User) -> None:
    providers = [
        user.provider(),
        user.provider(URL._replace(path="v1/repos/app.git")),
        user.provider(URL._replace(host=HOST.replace("central", "west"))),
        user.provider(URL._replace(host="alias.example.com"), region="eu-central-1"),
        user.provider(URL._replace(host="alias.example.com"), region="eu-west-1"),
        user.provider(role_arn=ROLE),
    ]
    assert len({provider.key.digest for provider in providers}) == len(providers)
