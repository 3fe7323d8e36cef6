import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from fakes.bent import bent, down, refusing, slow
from fakes.sts import Sts, sts_error
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier
from keywright.errors import ConfigurationError, KeywrightError, NeedsPerson, Refused, Unavailable, Unreachable
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers.aws import environment
from keywright.providers.aws.eks import EksProvider
from keywright.providers.base import Minted
from keywright.settings.model import EksOptions

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
SECRET = "canary-secret-0f3a"
KEY = AccessKey(id="AKIDTEST", secret=SECRET)
LENT = AccessKey(id="ASIALENT1", secret="lent-canary-1", session_token="session-canary-1")
START_URL = "https://corp.example.com/start"
PRINTED = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "canary", "SessionToken": "canary"}
ROLE = "arn:aws:iam::111122223333:role/deploy"


class Machine:
    """A home folder and an environment, and what EKS tokens come of them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
        (home / ".aws").mkdir()

    def with_keys(self) -> "Machine":
        self.env |= {"AWS_ACCESS_KEY_ID": KEY.id, "AWS_SECRET_ACCESS_KEY": KEY.secret}
        return self

    def with_config(self, text: str) -> "Machine":
        (self.home / ".aws" / "config").write_text(text)
        return self

    def with_credentials(self, text: str) -> "Machine":
        (self.home / ".aws" / "credentials").write_text(text)
        return self

    def provider(self, **options: Any) -> EksProvider:
        table = EksOptions(**({"cluster": "prod", "region": "eu-central-1"} | options))
        return EksProvider(profile="aws-eks:x", options=table, env=self.env)

    def mint(self, *, now: datetime = NOW, timeout_s: float = 20.0, **options: Any) -> Minted:
        return self.provider(**options).fetch(now, timeout_s, {})

    def fail(
        self, kind: type[KeywrightError], words: str, *, timeout_s: float = 20.0, **options: Any
    ) -> KeywrightError:
        with pytest.raises(kind, match=words) as caught:
            self.mint(timeout_s=timeout_s, **options)
        text = f"{caught.value} {caught.value!r}"
        assert "canary" not in text
        assert "\n" not in text
        assert caught.value.__cause__ is None
        return caught.value


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def sts(machine: Machine) -> Iterator[Sts]:
    with Sts() as running:
        machine.env["AWS_ENDPOINT_URL_STS"] = running.url
        yield running


def speaks_for(minted: Minted, now: datetime) -> str:
    verifier = EksTokenVerifier((KEY, LENT))
    return verifier.verify(minted.credential.secret.reveal(), "prod", now).key_id


def test_a_token_comes_of_keys_in_the_environment_as_of_the_given_instant(machine: Machine) -> None:
    minted = machine.with_keys().mint()
    assert speaks_for(minted, NOW) == KEY.id
    assert minted.credential.username is None
    assert minted.credential.issued_at == NOW
    assert minted.credential.expires_at == NOW + timedelta(minutes=15)
    assert minted.notes == ()
    assert minted.memory == {}
    paths = [str(machine.home / ".aws" / name) for name in ("config", "credentials")]
    assert dict(minted.inputs) == {path: stamp(path) for path in paths} == dict(machine.provider().inputs)


def test_it_is_renewed_before_clients_ask_and_refused_as_the_aws_cli_does(machine: Machine) -> None:
    margins = Margins(renew_floor=timedelta(minutes=7), refuse_default=timedelta(seconds=60))
    assert machine.provider().margins == margins


def test_a_named_profile_wins_over_keys_in_the_environment(machine: Machine) -> None:
    machine.env |= {"AWS_ACCESS_KEY_ID": "AKIDOTHER", "AWS_SECRET_ACCESS_KEY": "other"}
    machine.with_credentials(f"[work]\naws_access_key_id={KEY.id}\naws_secret_access_key={KEY.secret}\n")
    assert speaks_for(machine.mint(aws_profile="work"), NOW) == KEY.id


def test_the_environment_of_the_process_is_put_back(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDPROCESS")
    before = dict(os.environ)
    assert speaks_for(machine.with_keys().mint(), NOW) == KEY.id
    assert dict(os.environ) == before


def test_a_role_is_assumed_with_what_the_settings_say(machine: Machine, sts: Sts) -> None:
    minted = machine.with_keys().mint(role_arn=ROLE, external_id="ex-1", session_name="ci")
    assert speaks_for(minted, NOW) == LENT.id
    asked = sts.asked[0]
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (ROLE, "ex-1", "ci")
    assert len(sts.asked) == 1


def test_keys_are_never_fetched_over_plain_http(machine: Machine) -> None:
    machine.with_keys().env["AWS_ENDPOINT_URL_STS"] = "http://sts.example.com"
    machine.fail(ConfigurationError, "over https only", role_arn=ROLE)
    machine.with_config(f"[profile dev]\nrole_arn={ROLE}\ncredential_source=Environment\n")
    machine.fail(ConfigurationError, "over https only", aws_profile="dev")


def test_a_role_session_is_named_after_us_by_default(machine: Machine, sts: Sts) -> None:
    machine.with_keys().mint(role_arn=ROLE)
    assert sts.asked[0]["RoleSessionName"] == "keywright"
    assert "ExternalId" not in sts.asked[0]


def test_a_token_dies_with_the_session_that_signed_it(machine: Machine, sts: Sts) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    sts.clock = lambda: now
    sts.lent_for = timedelta(minutes=10)
    assert machine.with_keys().mint(now=now, role_arn=ROLE).credential.expires_at == now + timedelta(minutes=10)
    sts.lent_for = timedelta(hours=1)
    assert machine.mint(now=now, role_arn=ROLE).credential.expires_at == now + timedelta(minutes=15)


def test_a_session_about_to_end_is_renewed_before_it_shortens_its_child(machine: Machine, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    script = tmp_path / "lend"
    counter = tmp_path / "count"
    first, second = (now + timedelta(minutes=m) for m in (12, 60))
    script.write_text(
        f"#!/bin/sh\necho x >> {counter}\n[ $(wc -l < {counter}) = 1 ] && T={first:%Y-%m-%dT%H:%M:%SZ} || "
        f"T={second:%Y-%m-%dT%H:%M:%SZ}\n"
        'printf \'{"Version":1,"AccessKeyId":"ASIATEMP","SecretAccessKey":"temporary-canary",'
        '"SessionToken":"session-canary","Expiration":"%s"}\' $T\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    machine.env["PATH"] = "/usr/bin:/bin"
    machine.with_config(f"[default]\ncredential_process={script}\n")
    assert machine.mint(now=now).credential.expires_at == now + timedelta(minutes=15)
    assert counter.read_text() == "x\nx\n"


def test_a_web_identity_is_an_input_and_is_used(machine: Machine, sts: Sts, tmp_path: Path) -> None:
    token_file = tmp_path / "web-token"
    token_file.write_text("web-canary")
    machine.env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file), "AWS_ROLE_ARN": ROLE}
    minted = machine.mint()
    assert speaks_for(minted, NOW) == LENT.id
    assert sts.asked[0]["Action"] == "AssumeRoleWithWebIdentity"
    assert minted.inputs[str(token_file)] == stamp(str(token_file))
    assert machine.provider().inputs[str(token_file)] == stamp(str(token_file))


def test_the_web_identity_of_a_profiles_source_is_an_input_too(machine: Machine, sts: Sts, tmp_path: Path) -> None:
    token_file = tmp_path / "web-token"
    token_file.write_text("web-canary")
    machine.with_config(
        f"[profile deploy]\nrole_arn={ROLE}\nsource_profile=base\n"
        f"[profile base]\nrole_arn={ROLE}\nweb_identity_token_file={token_file}\n"
    )
    assert str(token_file) in machine.mint(aws_profile="deploy").inputs
    assert [form["Action"] for form in sts.asked] == ["AssumeRoleWithWebIdentity", "AssumeRole"]


def test_a_token_too_long_for_some_clusters_is_noted(machine: Machine) -> None:
    machine.with_keys().env["AWS_SESSION_TOKEN"] = "t" * 3000
    minted = machine.mint()
    assert len(minted.credential.secret.reveal()) > 4096
    assert len(minted.notes) == 1
    assert "aws-iam-authenticator takes 4096" in minted.notes[0]


def test_without_credentials_it_says_how_to_get_some(machine: Machine) -> None:
    machine.fail(Unavailable, "no AWS credentials were found; run `aws configure` or `aws sso login --profile default`")


def test_a_profile_that_is_not_there_is_named_with_its_file(machine: Machine) -> None:
    machine.with_config("[profile other]\nregion=eu-west-1\n").with_keys()
    machine.fail(ConfigurationError, f"the AWS profile work is not in {machine.home}/.aws/config", aws_profile="work")
    machine.env["AWS_PROFILE"] = "from-env"
    machine.fail(ConfigurationError, "the AWS profile from-env is not in")


@pytest.mark.parametrize("token", [None, {"accessToken": "canary", "expiresAt": "2020-01-01T00:00:00Z"}])
def test_an_sso_session_that_ended_needs_a_person(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, token: dict[str, str] | None
) -> None:
    from botocore import credentials, tokens
    from botocore.utils import JSONFileCache

    machine.with_config(
        "[profile dev]\nsso_session=corp\nsso_account_id=111122223333\nsso_role_name=dev\n"
        "[sso-session corp]\nsso_region=eu-central-1\nsso_start_url=https://corp.example.com/start\n"
        "[profile old]\nsso_start_url=https://corp.example.com/start\nsso_region=eu-central-1\n"
        "sso_account_id=111122223333\nsso_role_name=dev\n"
    )
    cache = machine.home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    monkeypatch.setattr(credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))
    monkeypatch.setattr(tokens, "JSONFileCache", lambda _folder: JSONFileCache(str(cache)))
    if token:
        for name in ("corp", START_URL):
            (cache / f"{sha1(name.encode()).hexdigest()}.json").write_text(json.dumps(token))
    for profile in ("dev", "old"):
        error = machine.fail(NeedsPerson, "the AWS SSO session has ended", aws_profile=profile)
        assert error.mend == f"run `aws sso login --profile {profile}`"
        assert environment.sso_cache_path({"dev": "corp"}.get(profile, START_URL), machine.env) in error.inputs


def test_the_file_of_an_sso_session_is_an_input(machine: Machine) -> None:
    import botocore.session

    from keywright.providers.aws import session
    from keywright.providers.aws.in_place import in_place

    machine.with_config(
        "[profile dev]\nsso_session=corp\n[profile old]\nsso_start_url=https://corp.example.com/start\n"
        "[profile sign]\nlogin_session=arn:aws:iam::1:user/me\nsource_profile=sign\n"
        "[sso-session corp]\nsso_region=eu-central-1\nsso_start_url=https://corp.example.com/start\n"
    )
    named = {
        "dev": environment.sso_cache_path("corp", machine.env),
        "old": environment.sso_cache_path("https://corp.example.com/start", machine.env),
        "sign": environment.login_cache_path("arn:aws:iam::1:user/me", machine.env),
    }
    with in_place(machine.env):
        found = botocore.session.Session()
        for profile, path in named.items():
            assert session._profile_inputs(found, profile, machine.env) == {path: "-"}


def test_an_mfa_code_is_never_asked_for_on_the_terminal(machine: Machine) -> None:
    machine.with_config(
        f"[profile mfa]\nrole_arn={ROLE}\nsource_profile=base\nmfa_serial=arn:aws:iam::1:mfa/me\n"
        "[profile base]\naws_access_key_id=A\naws_secret_access_key=canary\n"
    )
    machine.fail(NeedsPerson, "the AWS profile mfa asks for an MFA code", aws_profile="mfa")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo canary >&2; exit 1'", "the credential_process of the AWS profile default failed"),
        ("echo canary", "incomplete, expired or cannot be read"),
        ("echo {}", "the credential_process of the AWS profile default failed"),
        ("echo []", "incomplete, expired or cannot be read"),
        ("echo null", "incomplete, expired or cannot be read"),
        (f"echo '{json.dumps(PRINTED | {'AccessKeyId': 1})}'", "incomplete, expired or cannot be read"),
        (f"echo '{json.dumps(PRINTED | {'Expiration': f'{10**24}-01-01'})}'", "incomplete, expired or cannot be read"),
        ("/nonexistent/canary", "incomplete, expired or cannot be read"),
    ],
)
def test_a_credential_process_that_fails_is_named_without_its_output(
    machine: Machine, command: str, words: str
) -> None:
    machine.env["PATH"] = "/usr/bin:/bin"
    machine.with_config(f"[default]\ncredential_process={command}\n")
    machine.fail(Unavailable, words)


def test_a_credential_process_that_hangs_is_given_up_in_time(machine: Machine) -> None:
    machine.env["PATH"] = "/usr/bin:/bin"
    pipe = machine.home / "pipe"
    os.mkfifo(pipe)
    machine.with_config(f"[default]\ncredential_process=head -n 1 {pipe}\n")
    others = set(threading.enumerate())
    with pipe.open("r+b", buffering=0) as held:
        machine.fail(Unreachable, "AWS did not answer in time", timeout_s=0.5)
        held.write(b"\n")  # its thread, which keeps botocore silent, ends with this test
        for thread in set(threading.enumerate()) - others:
            thread.join(30)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("[default\ncanary", ConfigurationError),
        (f"[default]\nrole_arn={ROLE}\n", Unavailable),
        (f"[default]\nrole_arn={ROLE}\nsource_profile=canary\n", ConfigurationError),
        ("[default]\nsso_session=canary\nsso_account_id=1\nsso_role_name=x\n", ConfigurationError),
        ("[default]\naws_access_key_id=canary\n", Unavailable),
        ("[default]\nlogin_session=canary\n", (Unavailable, NeedsPerson)),
    ],
)
def test_a_config_that_is_not_complete_is_told_in_our_words(
    machine: Machine, config: str, kind: type[KeywrightError]
) -> None:
    machine.with_config(config).fail(kind, "AWS")


def test_keys_in_the_environment_that_have_expired_are_not_usable(machine: Machine) -> None:
    machine.with_keys().env["AWS_CREDENTIAL_EXPIRATION"] = "2020-01-01T00:00:00Z"
    machine.fail(Unavailable, "incomplete, expired or cannot be read")


def test_boto_2s_files_are_not_read(machine: Machine, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("AWSAccessKeyId=AKIDOLD\nAWSSecretKey=canary\n")
    (machine.home / ".boto").write_text("[Credentials]\naws_access_key_id=AKIDOLD\naws_secret_access_key=canary\n")
    machine.env |= {"AWS_CREDENTIAL_FILE": str(old), "BOTO_CONFIG": str(machine.home / ".boto")}
    machine.fail(Unavailable, "no AWS credentials were found")


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", Refused, "AWS answered AssumeRole with AccessDenied; see `aws sts get-caller-identity"),
        (403, "InvalidClientTokenId", Refused, "AssumeRole with InvalidClientTokenId"),
        (403, "ExpiredToken", Unavailable, r"the AWS session has expired \(ExpiredToken\); sign in again"),
        (403, "RequestExpired", Refused, "RequestExpired; set this machine's clock"),
        (400, "Throttling", Unreachable, "AssumeRole with Throttling"),
        (503, "ServiceUnavailable", Unreachable, "AssumeRole with ServiceUnavailable"),
        (403, "canary&lt;script&gt;", Refused, "AssumeRole with an unnamed error"),
    ],
)
def test_what_sts_refuses_is_told_by_its_code_alone(
    machine: Machine, sts: Sts, *, status: int, code: str, kind: type[KeywrightError], words: str
) -> None:
    headers = {"Content-Type": "text/xml", "Retry-After": "9"}
    with bent(sts, refusing(status, headers, sts_error(code, f"canary {SECRET}"))):
        error = machine.with_keys().fail(kind, words, role_arn=ROLE)
    assert error.retry_after_s == (9.0 if kind is Unreachable else None)


def test_an_sts_that_is_down_silent_or_mad_is_unreachable(machine: Machine, sts: Sts) -> None:
    machine.with_keys()
    with down(sts):
        machine.fail(Unreachable, "no connection to 127.0.0.1", role_arn=ROLE)
    with bent(sts, slow()):
        machine.fail(Unreachable, "did not answer in time", role_arn=ROLE, timeout_s=0.5)
    with bent(sts, refusing(200, {}, b"<canary")):
        machine.fail(Unreachable, "AWS answered in no protocol of its own", role_arn=ROLE)


def test_a_container_endpoint_that_is_down_is_unreachable(machine: Machine, sts: Sts) -> None:
    machine.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{sts.url}/canary"
    with bent(sts, refusing(500, {}, b"canary")):
        machine.fail(Unreachable, "the AWS credentials endpoint of this container did not answer")


def test_a_region_that_is_none_is_a_configuration_error(machine: Machine) -> None:
    machine.with_keys().fail(ConfigurationError, "is not an AWS region", region="eu-central-1.evil.example")


QUIET = """
import logging, sys
from datetime import UTC, datetime
from keywright.errors import KeywrightError
from keywright.providers.aws.eks import EksProvider
from keywright.settings.model import EksOptions
import os
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
options = EksOptions(cluster="c", region="eu-central-1", role_arn="arn:aws:iam::111122223333:role/x")
try:
    EksProvider(profile="aws-eks:x", options=options, env=os.environ).fetch(datetime.now(UTC), 10, {})
except KeywrightError as error:
    print("failed", type(error).__name__)
"""


def test_botocore_prints_and_logs_nothing_even_where_logging_is_on(machine: Machine, sts: Sts) -> None:
    with bent(sts, refusing(403, {"Content-Type": "text/xml"}, sts_error("AccessDenied", f"canary {SECRET}"))):
        run = subprocess.run(
            [sys.executable, "-c", QUIET],
            env=machine.with_keys().env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert (run.stdout, run.stderr) == ("failed Refused\n", "")
