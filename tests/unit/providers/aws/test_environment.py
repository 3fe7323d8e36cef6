import pytest

from keywright.hit import stamp
from keywright.providers.aws import environment
from keywright.providers.aws.environment import Identity
from keywright.settings.model import EcrOptions

HOME = {"HOME": "/h/me"}


@pytest.mark.parametrize(
    ("env", "config", "credentials"),
    [
        ({}, "/h/me/.aws/config", "/h/me/.aws/credentials"),
        ({"AWS_CONFIG_FILE": "/c"}, "/c", "/h/me/.aws/credentials"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "~/s"}, "/h/me/.aws/config", "/h/me/s"),
        ({"AWS_CONFIG_FILE": "$HOME/c"}, "/h/me/c", "/h/me/.aws/credentials"),
        ({"AWS_CONFIG_FILE": "/e/${STAGE}.ini", "STAGE": "prod"}, "/e/prod.ini", "/h/me/.aws/credentials"),
        ({"AWS_CONFIG_FILE": "/e/$NOBODY-${NOBODY}"}, "/e/$NOBODY-${NOBODY}", "/h/me/.aws/credentials"),
    ],
)
def test_the_aws_files_are_found_where_botocore_finds_them(env: dict[str, str], config: str, credentials: str) -> None:
    assert environment.config_path(HOME | env) == config
    assert environment.credentials_path(HOME | env) == credentials


def test_the_token_files_of_sign_ins_have_the_names_the_aws_cli_gives_them() -> None:
    url = "https://d-92671207e4.awsapps.com/start"
    # printf corp | sha1sum
    name = "ee0bfd2552fbd840c02cc48b6e823320543c450f"
    assert environment.sso_cache_path("corp", HOME) == f"/h/me/.aws/sso/cache/{name}.json"
    assert environment.sso_cache_path(url, HOME).startswith("/h/me/.aws/sso/cache/")
    assert environment.login_cache_path("s", HOME | {"AWS_LOGIN_CACHE_DIRECTORY": "~/l"}).startswith("/h/me/l/")


def test_the_inputs_are_the_files_known_beforehand() -> None:
    env = HOME | {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t/web", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t/pod"}
    paths = ("/h/me/.aws/config", "/h/me/.aws/credentials", "/t/web", "/t/pod")
    assert environment.inputs(env) == {path: stamp(path) for path in paths}
    assert set(environment.inputs(HOME)) == {"/h/me/.aws/config", "/h/me/.aws/credentials"}


@pytest.mark.parametrize(
    ("name", "is_declared"),
    [
        ("AWS_PROFILE", True),
        ("AWS_ENDPOINT_URL", True),
        ("AWS_ENDPOINT_URL_ECR", True),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", True),
        ("HOME", True),
        ("AWS_PROFILES", False),
        ("HOMES", False),
        ("PATH", False),
    ],
)
def test_a_declared_variable_is_a_whole_name_or_begins_with_a_declared_prefix(name: str, is_declared: bool) -> None:
    assert environment.is_declared(name) is is_declared


def test_the_digest_frames_names_and_values() -> None:
    one = environment.digest(HOME | {"AWS_PROFILE": "a", "AWS_REGION": "b"})
    other = environment.digest(HOME | {"AWS_PROFILE": "aAWS_REGIONb"})
    assert one != other
    assert len(one) == 64


def test_an_identity_names_its_profile_as_botocore_picks_it() -> None:
    plain, named = (Identity.of(EcrOptions(aws_profile=name)) for name in ("", "work"))
    assert plain.session_name == "keywright"
    assert plain.profile_name({}) == "default"
    assert plain.profile_name({"AWS_PROFILE": "p"}) == "p"
    assert plain.profile_name({"AWS_PROFILE": "p", "AWS_DEFAULT_PROFILE": "d"}) == "d"
    assert named.profile_name({"AWS_PROFILE": "p"}) == "work"
