import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.sts import Sts
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier
from keywright.errors import NeedsPerson, Refused
from keywright.freshness import Margins
from keywright.providers.aws.ecr import EcrProvider
from keywright.providers.aws.eks import EksProvider
from keywright.providers.aws.hosts import find_registry
from keywright.providers.aws.packed_keys import unpack
from keywright.providers.aws.profiles import parent_of
from keywright.providers.aws.role_session import SessionProvider
from keywright.providers.base import Aid, Minted, Parent
from keywright.secret import Secret
from keywright.settings.model import EcrOptions, EksOptions, SessionOptions

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = AccessKey(id="AKIDTEST", secret="canary-secret")
ROLE = "arn:aws:iam::111122223333:role/team/deploy"
DEVICE = "arn:aws:iam::111122223333:mfa/ann"
BASE = f"[profile base]\naws_access_key_id = {KEY.id}\naws_secret_access_key = {KEY.secret}\n"
DEV = f"{BASE}[profile dev]\nrole_arn = {ROLE}\nsource_profile = base\n"


class User:
    """A home folder, keys in the environment, and an STS that lends to them."""

    def __init__(self, home: Path, sts: Sts) -> None:
        self.home = home
        self.sts = sts
        self.env = {
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": KEY.id,
            "AWS_SECRET_ACCESS_KEY": KEY.secret,
            "AWS_ENDPOINT_URL_STS": sts.url,
        }
        (home / ".aws").mkdir()

    def config(self, text: str) -> None:
        (self.home / ".aws/config").write_text(text)

    def eks(self, **options: str) -> EksProvider:
        table = EksOptions(cluster="prod", region="eu-central-1", **options)  # type: ignore[arg-type]
        return EksProvider(profile="aws-eks:x", options=table, env=self.env)

    def parent(self, **options: str) -> Parent:
        parent = self.eks(**options).parent
        assert parent
        return parent

    def fetch(self, aid: Aid | None = None, **options: str) -> Minted:
        return self.parent(**options).provider.fetch(NOW, 20, {}, aid or Aid())


@pytest.fixture
def user(home: Path) -> Iterator[User]:
    with Sts(callers=(KEY,), clock=lambda: NOW) as sts:
        yield User(home, sts)


class TestWhoHasOne:
    def test_clusters_registries_and_regions_share_the_session_of_one_identity(self, user: User) -> None:
        registry = find_registry("111122223333.dkr.ecr.us-east-1.amazonaws.com")
        assert registry
        ecr = EcrProvider(profile="aws-ecr:y", options=EcrOptions(role_arn=ROLE), registry=registry, env=user.env)
        other = EksOptions(cluster="test", region="eu-west-1", role_arn=ROLE)
        parents = [user.parent(role_arn=ROLE), ecr.parent, parent_of(other, other.region, user.env)]
        assert len({parent.provider.key.digest for parent in parents if parent}) == 1
        assert {parent.profile.id for parent in parents if parent} == {"aws-session:deploy"}

    @pytest.mark.parametrize(
        "change", [{"external_id": "x"}, {"session_name": "x"}, {"aws_profile": "x"}, {"mfa_serial": "x"}]
    )
    def test_another_identity_has_another(self, user: User, change: dict[str, str]) -> None:
        one, other = user.parent(role_arn=ROLE), user.parent(role_arn=ROLE, **change)
        assert one.provider.key.digest != other.provider.key.digest

    def test_it_is_named_for_the_role_or_the_aws_profile(self, user: User) -> None:
        user.config(DEV)
        assert user.parent(role_arn=ROLE, aws_profile="dev").profile.id == "aws-session:deploy"
        assert user.parent(aws_profile="dev").profile.id == "aws-session:dev"

    def test_keys_that_are_simply_there_need_none(self, user: User) -> None:
        assert user.eks().parent is None
        user.config(BASE)
        assert user.eks(aws_profile="base").parent is None

    def test_how_long_a_child_needs_it(self, user: User) -> None:
        assert user.parent(role_arn=ROLE).lifetime == timedelta(minutes=15)
        registry = find_registry("public.ecr.aws")
        assert registry
        ecr = EcrProvider(profile="aws-ecr:y", options=EcrOptions(role_arn=ROLE), registry=registry, env=user.env)
        assert ecr.parent
        assert ecr.parent.lifetime == timedelta(0)

    def test_it_is_renewed_before_any_client_of_its_own_would(self, user: User) -> None:
        assert user.parent(role_arn=ROLE).provider.margins == Margins(renew_floor=timedelta(minutes=16))


class TestAFetch:
    @pytest.mark.parametrize("options", [{"role_arn": ROLE}, {"aws_profile": "dev"}])
    def test_what_sts_lends_is_kept_until_it_ends(self, user: User, options: dict[str, str]) -> None:
        user.config(DEV)
        minted = user.fetch(None, **options)
        credential, (lent,) = minted.credential, user.sts.keys
        assert (credential.username, credential.expires_at) == (lent.id, NOW + timedelta(hours=1))
        assert json.loads(credential.secret.reveal()) == {
            "secret_key": lent.secret,
            "session_token": lent.session_token,
        }
        assert minted.is_kept
        assert str(user.home / ".aws/config") in minted.inputs
        assert "canary" not in repr(minted)

    def test_a_web_identity_is_lent_one_too(self, user: User, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("a.b.c")
        del user.env["AWS_ACCESS_KEY_ID"]
        user.env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE}
        minted = user.fetch()
        assert minted.is_kept
        assert str(token) in minted.inputs

    def test_keys_that_live_long_are_never_kept(self, user: User) -> None:
        user.config(BASE)
        for profile in ("base", ""):
            provider = SessionProvider(
                profile="aws-session:x", options=SessionOptions(aws_profile=profile), region="", env=user.env
            )
            minted = provider.fetch(NOW, 20, {})
            assert unpack(minted.credential).access_key == KEY.id
            assert not minted.is_kept

    def test_a_process_and_its_keys_are_not_either(self, user: User) -> None:
        until = (NOW + timedelta(hours=1)).isoformat()
        document = json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "b", "Expiration": until})
        user.config(f"[profile made]\ncredential_process = echo '{document}'\n")
        user.env["PATH"] = "/usr/bin:/bin"
        options = SessionOptions(aws_profile="made")
        provider = SessionProvider(profile="aws-session:x", options=options, region="", env=user.env)
        assert not provider.fetch(NOW, 20, {}).is_kept

    @pytest.mark.parametrize(
        ("region", "memory", "env", "expected"),
        [
            ("eu-central-1", "eu-west-1", "eu-west-2", "eu-central-1"),
            ("", "eu-west-1", "eu-west-2", "eu-west-1"),
            ("", "nowhere.example", "eu-west-2", "eu-west-2"),
            ("", "", "", "us-east-1"),
        ],
    )
    def test_the_region_whose_sts_is_asked_is_the_first_that_is_known(
        self, user: User, *, region: str, memory: str, env: str, expected: str
    ) -> None:
        user.env["AWS_REGION"] = env
        options = SessionOptions(role_arn=ROLE)
        provider = SessionProvider(profile="aws-session:x", options=options, region=region, env=user.env)
        minted = provider.fetch(NOW, 20, {"region": memory})
        assert minted.memory == {"region": expected}
        authorization = str(user.sts.facts[0].call.headers["Authorization"])
        assert f"/{expected}/sts/aws4_request" in authorization


class TestAChild:
    def test_a_token_is_signed_with_the_session_brought_along_and_nobody_is_asked(self, user: User) -> None:
        session = user.fetch(role_arn=ROLE).credential
        later = NOW + timedelta(minutes=50)
        minted = user.eks(role_arn=ROLE).fetch(later, 20, {}, Aid(parent=session))
        verifier = EksTokenVerifier(tuple(user.sts.keys))
        assert verifier.verify(minted.credential.secret.reveal(), "prod", later).arn == ROLE
        assert minted.credential.expires_at == session.expires_at, "a token dies with the session that signed it"
        assert user.sts.total == 1


class TestAnMfaCode:
    @pytest.fixture(autouse=True)
    def device(self, user: User) -> None:
        user.sts.codes = {DEVICE: "123456"}
        user.config(f"{DEV}mfa_serial = {DEVICE}\n")

    @pytest.mark.parametrize("options", [{"role_arn": ROLE, "mfa_serial": DEVICE}, {"aws_profile": "dev"}])
    def test_it_is_wanted_before_anybody_is_asked_and_then_used_once(self, user: User, options: dict[str, str]) -> None:
        with pytest.raises(NeedsPerson) as caught:
            user.fetch(None, **options)
        assert caught.value.question == f"MFA code for {DEVICE}"
        assert user.sts.total == 0
        assert user.fetch(Aid(answer=Secret("123456")), **options).is_kept
        asked = user.sts.asked[0]
        assert (asked["SerialNumber"], asked["TokenCode"]) == (DEVICE, "123456")

    def test_a_wrong_one_is_told_as_such(self, user: User) -> None:
        with pytest.raises(Refused, match="AWS answered AssumeRole with AccessDenied to the MFA code") as caught:
            user.fetch(Aid(answer=Secret("000000")), aws_profile="dev")
        assert caught.value.mend == "try again with the device's next code"
        assert "000000" not in f"{caught.value!r}{vars(caught.value)}"

    @pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "1234 6"])
    def test_what_is_none_is_sent_to_nobody(self, user: User, text: str) -> None:
        with pytest.raises(NeedsPerson, match="that is no MFA code, which has six digits") as caught:
            user.fetch(Aid(answer=Secret(text)), aws_profile="dev")
        assert caught.value.question == ""
        assert user.sts.total == 0

    def test_a_second_device_on_the_way_is_not_asked_about(self, user: User) -> None:
        """Its code would need the first one's again, which is used up."""
        options = {"aws_profile": "dev", "role_arn": ROLE, "mfa_serial": DEVICE}
        with pytest.raises(NeedsPerson, match="a second MFA code") as caught:
            user.fetch(Aid(answer=Secret("123456")), **options)
        assert caught.value.question == ""
