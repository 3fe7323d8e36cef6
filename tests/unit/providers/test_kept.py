"""What a kept profile holds is handed out for the hosts it is for, renewed first if need be, and never when expired."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.grants import GrantIssuer, access, refresh
from fakes.kept import BORN, NOON, grant, profile, register, secret, token
from fakes.own_vault import OwnVault
from keywright.errors import (
    ConfigurationError,
    CredentialExpired,
    KeywrightError,
    ProviderNotFound,
    TokenRevoked,
    Unavailable,
    VaultLocked,
)
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import ApiKey, Kept
from keywright.providers.kept import KeptProvider
from keywright.providers.registry import find_reader, make
from keywright.request import Client, Request, Verb, parse_url
from keywright.secret import Secret
from keywright.settings.model import KeptOptions, Profile
from keywright.vault.vault import open_vault

S, H = timedelta(seconds=1), timedelta(hours=1)
PERSON = Request(client=Client.PERSON, verb=Verb.GET, asked="acme:ann", profile="acme:ann")
GRANT = grant(left=-S, access_token=Secret(access("ann", 1)), refresh_token=Secret(refresh("ann", 1)))


@pytest.fixture
def env(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    register(home / "kw", "acme", hosts=("api.example", "reg.example:5000"))
    return {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}


@pytest.fixture
def issuer(env: dict[str, str], home: Path) -> Iterator[GrantIssuer]:
    with GrantIssuer() as server:
        register(home / "kw", "acme", server.token_url, hosts=("api.example",))
        yield server


def keep(env: dict[str, str], held: Kept | None = None, **fields: object) -> None:
    KeptProfiles(env).save(profile("acme:ann", held, **fields), BORN)  # type: ignore[arg-type]


def read(env: dict[str, str], request: Request = PERSON) -> str:
    found = KeptProvider(profile="acme:ann", env=env).read(request, NOON)
    assert found.issued_at == NOON
    return found.secret.reveal()


def at(url: str, client: Client = Client.GIT) -> Request:
    return Request(client=client, verb=Verb.GET, url=parse_url(url), asked=url)


# --- what is handed out -----------------------------------------------------------------------------------------------

HELD: dict[str, tuple[Kept, str | type[KeywrightError]]] = {
    "a key": (ApiKey(secret("key")), secret("key").reveal()),
    "a key elsewhere in the vault": (ApiKey(key_ref="vault://THERE"), secret("there").reveal()),
    "a key that is nowhere": (ApiKey(key_ref="vault://ABSENT"), Unavailable),
    "a key that is empty": (ApiKey(key_ref="vault://EMPTY"), Unavailable),
    "a token": (token(left=H), secret("token").reveal()),
    "a token elsewhere": (token(ref="vault://THERE"), secret("there").reveal()),
    "an expired token": (token(left=-S), CredentialExpired),
    "an expired token elsewhere": (token(ref="vault://THERE", left=-S), CredentialExpired),
    "a grant": (grant(), secret("access").reveal()),
    "an expired grant that nothing renews": (grant(left=-S, refresh_token=None), CredentialExpired),
    "a grant about to expire that nothing renews": (grant(left=S, refresh_token=None), secret("access").reveal()),
}


@pytest.mark.parametrize(("held", "expected"), HELD.values(), ids=HELD)
def test_it_is_handed_out_if_it_is_good(env: dict[str, str], held: Kept, expected: str | type[KeywrightError]) -> None:
    with open_vault(env).edit() as records:
        records.put("THERE", secret("there"))
        records.put("EMPTY", Secret(""))
    keep(env, held)
    if isinstance(expected, str):
        assert read(env) == expected
        return
    with pytest.raises(expected) as raised:
        read(env)
    assert raised.value.mend
    assert "canary" not in str(raised.value)


def test_its_expiry_and_user_name_go_with_it(env: dict[str, str]) -> None:
    keep(env, token(left=H), username="ann", hosts=("api.example",))
    found = KeptProvider(profile="acme:ann", env=env).read(at("https://api.example"), NOON)
    assert (found.username, found.expires_at) == ("ann", NOON + H)


def test_one_that_is_not_there_is_said_not_to_be(env: dict[str, str]) -> None:
    with pytest.raises(ProviderNotFound, match="there is no profile `acme:ann`; see `keywright profile list`"):
        read(env)


def test_a_locked_vault_is_said_to_be_locked(env: dict[str, str]) -> None:
    keep(env)
    OwnVault().lock()
    with pytest.raises(VaultLocked):
        read(env)


# --- for which hosts --------------------------------------------------------------------------------------------------

PLACES = {
    "https://api.example": True,
    "https://api.example/v1/x": True,
    "https://api.example:443": True,
    "https://reg.example:5000": True,
    "https://reg.example": False,
    "https://api.example:8443": False,
    "http://api.example": False,
    "https://api.example.evil.example": False,
    "https://evil.example/api.example": False,
    "https://sub.api.example": False,
}


@pytest.mark.parametrize(("url", "is_its_own"), PLACES.items())
def test_it_goes_to_its_providers_hosts_alone(env: dict[str, str], url: str, *, is_its_own: bool) -> None:
    keep(env)
    if is_its_own:
        assert read(env, at(url)) == secret("acme:ann").reveal()
        return
    with pytest.raises(ConfigurationError, match=r"it is for api.example, reg.example:5000 alone; .*--host HOST"):
        read(env, at(url))


def test_hosts_of_its_own_come_in_place_of_the_providers(env: dict[str, str]) -> None:
    keep(env, hosts=("own.example",))
    assert read(env, at("https://own.example"))
    with pytest.raises(ConfigurationError, match=r"it is for own\.example alone"):
        read(env, at("https://api.example"))


def test_one_of_a_provider_that_is_gone_goes_nowhere(env: dict[str, str], home: Path) -> None:
    keep(env)
    (home / "kw/providers.d/acme.toml").unlink()
    with pytest.raises(ConfigurationError, match="it is for no host at all alone"):
        read(env, at("https://api.example"))
    assert read(env), "who asks by name says where it goes"


def test_a_client_that_does_not_say_where_it_is_gets_nothing(env: dict[str, str]) -> None:
    keep(env)
    with pytest.raises(ConfigurationError, match="the client does not say where it is"):
        read(env, PERSON._replace(client=Client.KUBE))


def test_a_host_is_checked_before_a_refresh_token_is_spent(env: dict[str, str], issuer: GrantIssuer) -> None:
    keep(env, GRANT)
    with pytest.raises(ConfigurationError):
        read(env, at("https://evil.example"))
    assert issuer.asked == 0


# --- renewed if need be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "asked"), [(301 * S, 0), (300 * S, 0), (299 * S, 1), (-S, 1), (None, 0)])
def test_a_grant_is_renewed_five_minutes_before_its_end(
    env: dict[str, str], issuer: GrantIssuer, left: timedelta | None, asked: int
) -> None:
    keep(env, GRANT._replace(expires_at=None if left is None else NOON + left))
    assert read(env) == access("ann", 1 + asked)
    assert read(env) == access("ann", 1 + asked)
    assert issuer.asked == asked


def test_a_token_that_ends_is_not_served_past_its_end(env: dict[str, str]) -> None:
    keep(env, token(left=10 * S))
    provider = KeptProvider(profile="acme:ann", env=env)
    assert provider.read(PERSON, NOON + 10 * S)
    with pytest.raises(CredentialExpired):
        provider.read(PERSON, NOON + 11 * S)


def test_a_grant_that_was_taken_back_is_told_as_that(env: dict[str, str], issuer: GrantIssuer) -> None:
    issuer.revoked.add("ann")
    keep(env, GRANT)
    with pytest.raises(TokenRevoked, match="keywright profile login"):
        read(env)


# --- in the registry --------------------------------------------------------------------------------------------------


def test_it_is_a_reader_and_no_minter(env: dict[str, str]) -> None:
    kept = Profile("acme:ann", KeptOptions())
    assert isinstance(find_reader(kept, env), KeptProvider)
    with pytest.raises(KeywrightError, match="there is nothing to renew"):
        make(kept, None, env)


def test_what_was_looked_up_already_is_not_looked_up_again(env: dict[str, str]) -> None:
    reader = find_reader(Profile("acme:ann", KeptOptions()), env, profile("acme:ann"))
    assert reader is not None
    assert reader.read(PERSON, NOON).secret == secret("acme:ann")
