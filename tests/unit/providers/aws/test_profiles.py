from pathlib import Path

import pytest

from keywright.providers.aws.environment import Identity
from keywright.providers.aws.profiles import is_lent_session
from keywright.settings.model import EksOptions

ROLE = "role_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = base\n"
CONFIG = f"""\
[default]
region = eu-west-1
[profile base]
aws_access_key_id = AKID
[profile role]
{ROLE}
[profile "with blanks"]
{ROLE}
[profile web]
web_identity_token_file = /token
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = dev
[profile old]
sso_start_url = https://corp.example.com/start
sso_role_name = dev
[profile process]
credential_process = /bin/lend
[services role]
role_arn = no
[bare]
{ROLE}
[profile "unclosed]
role_arn = no
"""
CREDENTIALS = f"[shared]\n{ROLE}\n[profile odd]\n{ROLE}\n"


def lent(home: Path, env: dict[str, str] | None = None, **options: str) -> bool:
    identity = Identity.of(EksOptions(cluster="c", region="eu-west-1", **options))  # type: ignore[arg-type]
    return is_lent_session(identity, {"HOME": str(home), **(env or {})})


@pytest.fixture
def files(home: Path) -> Path:
    folder = home / ".aws"
    folder.mkdir()
    (folder / "config").write_text(CONFIG)
    (folder / "credentials").write_text(CREDENTIALS)
    return home


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("role", True),
        ("with blanks", True),
        ("web", True),
        ("sso", True),
        ("old", True),
        ("shared", True),
        ("base", False),
        ("default", False),
        ("process", False),
        ("bare", False),
        ("odd", False),
        ("absent", False),
        ("", False),
    ],
)
def test_a_profile_with_a_role_sso_or_a_web_identity_is_lent_a_session(
    files: Path, name: str, *, expected: bool
) -> None:
    assert lent(files, aws_profile=name) is expected
    assert lent(files, {"AWS_PROFILE": name}) is expected


def test_a_role_of_our_own_settings_is_lent_a_session_whoever_assumes_it(home: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKID"}
    assert lent(home, keys, role_arn="arn:aws:iam::111122223333:role/deploy")


def test_keys_in_the_environment_come_before_its_profile_and_a_named_profile_before_them(files: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_PROFILE": "role"}
    assert not lent(files, keys)
    assert lent(files, keys, aws_profile="role")


def test_a_web_identity_of_the_environment_counts_unless_a_profile_is_named(files: Path) -> None:
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    assert lent(files, web)
    assert not lent(files, web, aws_profile="base")


@pytest.mark.parametrize("content", [b"[profile role\nrole_arn=x", b"role_arn = x", b"\xff\xfe", b"[a]\n[a]\n"])
def test_files_that_cannot_be_read_say_nothing(home: Path, content: bytes) -> None:
    (home / ".aws").mkdir()
    (home / ".aws/config").write_bytes(content)
    assert not lent(home, aws_profile="role")
