"""What a kept profile holds, and whether it is good at a given moment."""

from datetime import datetime, timedelta

import pytest

from fakes.kept import NOON, grant, profile, secret, token
from keywright.errors import CredentialExpired, KeywrightError, Unavailable
from keywright.profiles.identity import ProfileId
from keywright.profiles.mode import Mode
from keywright.profiles.model import ApiKey, AuthProfile, Kept, OAuth, Token
from keywright.secret import Secret

S = timedelta(seconds=1)
NO_SECRET = Secret("")
REF = "vault://THERE"


@pytest.mark.parametrize(
    ("left_s", "leeway_s", "is_expired"),
    [(300, 300, False), (299, 300, True), (301, 300, False), (0, 0, False), (-1, 0, True), (None, 300, False)],
)
def test_a_grant_is_expired_once_it_has_less_left_than_the_leeway(
    left_s: int | None, leeway_s: int, *, is_expired: bool
) -> None:
    held = grant(left=None if left_s is None else left_s * S)
    assert held.is_expired(NOON, leeway_s * S) == is_expired


GOOD: dict[str, tuple[Kept, bool, bool]] = {
    "a key": (ApiKey(secret("key")), True, False),
    "a key that the vault has": (ApiKey(key_ref=REF), True, False),
    "no key": (ApiKey(), False, False),
    "an empty key": (ApiKey(NO_SECRET), False, False),
    "a token that nobody knows the end of": (token(), True, False),
    "a token with an hour left": (token(left=3600 * S), True, False),
    "a token in its last second": (token(left=0 * S), True, False),
    "a token that has expired": (token(left=-1 * S), False, True),
    "a token that the vault has": (token(ref=REF), True, False),
    "a token that the vault has and that has expired": (token(ref=REF, left=-1 * S), False, True),
    "no token": (Token(), False, False),
    "a grant": (grant(), True, False),
    "a grant with 5 min 1 s left": (grant(left=301 * S), True, False),
    "a grant with 5 min left": (grant(left=300 * S), True, False),
    "a grant with 4 min 59 s left": (grant(left=299 * S), False, False),
    "a grant that has expired": (grant(left=-1 * S), False, True),
    "a grant that nobody knows the end of": (grant(left=None), True, False),
    "a grant before its first login": (grant(access_token=NO_SECRET, left=None), False, False),
}


@pytest.mark.parametrize(("held", "is_valid", "is_expired"), GOOD.values(), ids=GOOD)
def test_whether_it_is_good_is_told_without_asking_anybody(held: Kept, *, is_valid: bool, is_expired: bool) -> None:
    made = profile("acme:work", held)
    assert (made.is_valid(NOON), made.is_expired(NOON)) == (is_valid, is_expired)


USED: dict[str, tuple[Kept, str | type[KeywrightError]]] = {
    "a key": (ApiKey(secret("key")), secret("key").reveal()),
    "a key and a reference": (ApiKey(secret("key"), REF), secret("key").reveal()),
    "an empty key and a reference": (ApiKey(NO_SECRET, REF), "from the vault"),
    "a reference": (ApiKey(key_ref=REF), "from the vault"),
    "a reference to what is not there": (ApiKey(key_ref="vault://ABSENT"), Unavailable),
    "a reference to what is empty": (ApiKey(key_ref="vault://EMPTY"), Unavailable),
    "no key": (ApiKey(), Unavailable),
    "a token": (token(), secret("token").reveal()),
    "a token that the vault has": (token(ref=REF), "from the vault"),
    "a token that has expired": (token(left=-1 * S), CredentialExpired),
    "a token that the vault has and that has expired": (token(ref=REF, left=-1 * S), CredentialExpired),
    "a grant": (grant(), secret("access").reveal()),
    "a grant that has expired": (grant(left=-1 * S), CredentialExpired),
    "a grant before its first login": (grant(access_token=NO_SECRET, left=None), Unavailable),
}


def find(reference: str) -> Secret:
    if reference == "vault://ABSENT":
        raise Unavailable("the vault has no secret `ABSENT`")
    return Secret({REF: "from the vault", "vault://EMPTY": ""}[reference])


@pytest.mark.parametrize(("held", "expected"), USED.values(), ids=USED)
def test_an_empty_or_expired_secret_is_never_used(held: Kept, expected: str | type[KeywrightError]) -> None:
    made = profile("acme:work", held)
    if isinstance(expected, str):
        assert made.secret(NOON, find).reveal() == expected
        return
    with pytest.raises(expected) as raised:
        made.secret(NOON, find)
    assert secret("").reveal().strip() not in str(raised.value)


def test_what_is_missing_is_told_with_the_command_that_brings_it() -> None:
    with pytest.raises(Unavailable, match="run `keywright profile add acme:work --force`"):
        profile("acme:work", ApiKey()).secret(NOON, find)


@pytest.mark.parametrize(
    ("held", "mode", "email", "expires_at"),
    [
        (ApiKey(secret("key")), Mode.API_KEY, "", None),
        (token(left=S), Mode.TOKEN, "", NOON + S),
        (grant(left=S, email="ann@example.com"), Mode.OAUTH, "ann@example.com", NOON + S),
    ],
)
def test_its_mode_account_and_end_are_those_of_what_it_holds(
    held: Kept, mode: Mode, email: str, expires_at: datetime | None
) -> None:
    made = profile("acme:work", held)
    assert (made.mode, made.email, made.expires_at) == (mode, email, expires_at)


OLD = grant(
    left=-S, email="ann@example.com", client_id="app", scopes=("a", "b"), metadata={"client_secret": secret("client")}
)


def test_a_renewal_keeps_what_its_answer_leaves_out() -> None:
    answer = OAuth(access_token=secret("new"), expires_at=NOON + 3600 * S)
    assert OLD.renewed(answer) == OLD._replace(access_token=secret("new"), expires_at=NOON + 3600 * S)


def test_a_renewal_takes_what_its_answer_says() -> None:
    answer = OAuth(
        access_token=secret("new"),
        refresh_token=secret("rotated"),
        expires_at=None,
        email="bob@example.com",
        client_id="other",
        scopes=("a",),
        metadata={"region": secret("cn")},
    )
    expected = answer._replace(metadata={"client_secret": secret("client"), "region": secret("cn")})
    assert OLD.renewed(answer) == expected


def test_nothing_of_it_is_shown() -> None:
    for held in (ApiKey(secret("key")), token(), OLD):
        assert secret("").reveal().strip() not in repr(profile("acme:work", held))


@pytest.mark.parametrize(
    ("lifetime_s", "left_s", "is_due"),
    [
        (3600, 301, False),
        (3600, 300, False),
        (3600, 299, True),
        (120, 61, False),
        (120, 60, False),
        (120, 59, True),
        (0, 0, False),
    ],
)
def test_a_grant_is_renewed_ahead_and_not_at_every_use(lifetime_s: int, left_s: int, *, is_due: bool) -> None:
    end = NOON + timedelta(seconds=left_s)
    grant = OAuth(Secret("a"), Secret("r"), end)
    born = end - timedelta(seconds=lifetime_s)
    added = born - timedelta(days=1)
    one = AuthProfile(ProfileId("gemini", "a"), grant, created_at=added, updated_at=born)
    assert one.is_due(NOON) is is_due
    assert one._replace(updated_at=added).is_due(NOON) is (left_s < 300), "nobody knows how long it was to live"
    assert not one._replace(credential=grant._replace(refresh_token=None)).is_due(NOON)
    assert one._replace(credential=grant._replace(access_token=Secret(""))).is_due(NOON)
