"""A grant is renewed by one at a time, its refresh token is never spent in vain, and what a sibling saved stays."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.canary import TYPED
from fakes.grants import GrantIssuer, access, refresh
from fakes.kept import BORN, NOON, grant, profile, register, token
from fakes.own_vault import OwnVault
from keywright.cache.folder import PrivateFolder
from keywright.cache.lock import hold
from keywright.deadline import within
from keywright.errors import (
    Busy,
    CacheUnusable,
    KeywrightError,
    ProviderNotFound,
    Refused,
    TokenRevoked,
    Unreachable,
    VaultLocked,
    VaultUnusable,
)
from keywright.profiles import renewing
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.renewing import Renewing
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret

MINUTE = timedelta(minutes=1)


def held(account: str, left: timedelta | None = -MINUTE) -> OAuth:
    tokens = {"access_token": Secret(access(account, 1)), "refresh_token": Secret(refresh(account, 1))}
    return grant(left=left, email=f"{account}@example.com", client_id="app", scopes=("a",), **tokens)


ANN, BOB = profile("acme:ann", held("ann")), profile("acme:bob", held("bob"))


@dataclass
class Stub:
    """A refresher that answers, or fails, as told; and does something on the way."""

    answer: OAuth | KeywrightError
    on_the_way: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)

    def refresh(self, profile: AuthProfile, grant: OAuth, now: datetime, timeout_s: float) -> OAuth:
        assert timeout_s > 0
        assert grant.refresh_token
        self.asked.append(grant.refresh_token.reveal())
        self.on_the_way()
        if isinstance(self.answer, KeywrightError):
            raise self.answer
        return self.answer


NEW = OAuth(Secret(access("ann", 2)), Secret(refresh("ann", 2)), NOON + timedelta(hours=1))


@pytest.fixture
def env(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    return {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}


@pytest.fixture
def store(env: dict[str, str]) -> KeptProfiles:
    store = KeptProfiles(env)
    for one in (ANN, BOB):
        store.save(one, BORN)
    return store


@pytest.fixture
def issuer(home: Path) -> Iterator[GrantIssuer]:
    with GrantIssuer() as server:
        register(home / "kw", "acme", server.token_url)
        yield server


def is_revoked(env: Mapping[str, str], one: AuthProfile) -> bool:
    return ProfileStates(env).decisions("acme").of(str(one.id), instant(one.created_at)).is_revoked


# --- it goes well ---------------------------------------------------------------------------------------------------


def test_the_new_grant_is_saved_and_the_account_stays_what_it_was(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer
) -> None:
    renewed = Renewing(env).renewed(ANN, NOON)
    assert store.get(ANN.id) == renewed
    new = held("ann")._replace(
        access_token=Secret(access("ann", 2)),
        refresh_token=Secret(refresh("ann", 2)),
        expires_at=NOON + timedelta(hours=1),
    )
    assert renewed == ANN._replace(credential=new, updated_at=NOON)
    assert issuer.asked == 1


def test_an_answer_without_a_refresh_token_keeps_the_one_there_is(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer
) -> None:
    issuer.rotates = False
    for hours in (0, 2, 4):
        found = store.get(ANN.id)
        assert found
        renewed = Renewing(env).renewed(found, NOON + timedelta(hours=hours)).credential
        assert isinstance(renewed, OAuth)
        assert renewed.refresh_token == Secret(refresh("ann", 1))
        assert renewed.email == "ann@example.com"
    assert issuer.asked == 3


def test_an_answer_that_names_no_end_is_not_expired(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer
) -> None:
    issuer.lifetime_s = None
    assert Renewing(env).renewed(ANN, NOON).is_valid(NOON)
    found = store.get(ANN.id)
    assert found
    assert found.is_valid(NOON)


def test_two_accounts_of_one_provider_never_share_a_token(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer
) -> None:
    Renewing(env).renewed(ANN, NOON)
    assert store.get(BOB.id) == BOB
    Renewing(env).renewed(BOB, NOON)
    for name in ("ann", "bob"):
        found = store.of_provider("acme")[f"acme:{name}"].credential
        assert isinstance(found, OAuth)
        assert (found.access_token, found.refresh_token) == (Secret(access(name, 2)), Secret(refresh(name, 2)))
        assert found.email == f"{name}@example.com"
    assert issuer.revoked == set()


def test_the_refresher_is_asked_once_with_the_stored_token(env: dict[str, str], store: KeptProfiles) -> None:
    stub = Stub(NEW)
    stale = ANN._replace(credential=held("ann")._replace(refresh_token=Secret("of long ago")))
    Renewing(env, stub).renewed(stale, NOON)
    assert stub.asked == [refresh("ann", 1)]
    Renewing(env, stub).renewed(stale, NOON)
    assert len(stub.asked) == 1, "what is there is good by now"
    assert store.get(BOB.id) == BOB


def test_what_else_was_decided_of_the_profile_meanwhile_stays(env: dict[str, str], store: KeptProfiles) -> None:
    stub = Stub(NEW, lambda: store.save(ANN._replace(priority=7, username="ann"), BORN))
    renewed = Renewing(env, stub).renewed(ANN, NOON)
    assert (renewed.priority, renewed.username, renewed.credential) == (7, "ann", held("ann").renewed(NEW))


def test_many_threads_ask_once_and_all_have_the_new_one(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer
) -> None:
    found: list[AuthProfile] = []
    threads = [threading.Thread(target=lambda: found.append(Renewing(env).renewed(ANN, NOON))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one.credential for one in found] == [found[0].credential] * 8
    assert store.get(ANN.id) == found[0]
    assert (issuer.asked, issuer.revoked) == (1, set())


# --- somebody else was there first ----------------------------------------------------------------------------------


def test_a_newer_grant_is_used_and_never_overwritten(env: dict[str, str], store: KeptProfiles) -> None:
    login = ANN._replace(credential=grant(access_token=Secret("of a new login"), refresh_token=Secret("its own")))
    stub = Stub(NEW, lambda: store.save(login, NOON))
    assert Renewing(env, stub).renewed(ANN, NOON).credential == login.credential
    found = store.get(ANN.id)
    assert found
    assert found.credential == login.credential


def test_one_that_was_removed_meanwhile_never_comes_back(env: dict[str, str], store: KeptProfiles) -> None:
    with pytest.raises(ProviderNotFound, match=r"there is no profile `acme:ann` any more"):
        Renewing(env, Stub(NEW, lambda: store.remove(ANN.id))).renewed(ANN, NOON)
    assert set(store.all()) == {"acme:bob"}
    stub = Stub(NEW)
    with pytest.raises(ProviderNotFound):
        Renewing(env, stub).renewed(ANN, NOON)
    assert stub.asked == []


def test_one_that_was_removed_meanwhile_is_not_used_either_however_long_it_lasts(
    env: dict[str, str], store: KeptProfiles
) -> None:
    lasting = store.save(ANN._replace(credential=held("ann", MINUTE)), BORN)
    store.remove(ANN.id)
    with pytest.raises(ProviderNotFound):
        Renewing(env, Stub(NEW)).renewed(lasting, NOON)


def test_a_refresh_token_is_not_spent_where_no_time_is_left_for_the_answer(
    env: dict[str, str], store: KeptProfiles
) -> None:
    stub = Stub(NEW)
    with within(renewing.LEFT_FOR_SAVING_S + 1), pytest.raises(Busy, match="too little time is left"):
        Renewing(env, stub).renewed(ANN, NOON)
    assert stub.asked == []
    assert store.get(ANN.id) == ANN


def test_one_that_is_another_kind_by_now_is_returned_as_it_is(env: dict[str, str], store: KeptProfiles) -> None:
    changed = store.save(ANN._replace(credential=token()), NOON)
    stub = Stub(NEW)
    assert Renewing(env, stub).renewed(ANN, NOON) == changed
    assert stub.asked == []


def test_a_renewal_that_others_are_at_is_waited_for_and_never_gone_around(
    env: dict[str, str], store: KeptProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "LOCK_WAIT_S", 0.05)
    stub = Stub(NEW)
    lock = renewing.renewal_lock(ProfileStates(env), ANN.id)
    with hold(lock, 0) as is_locked:
        assert is_locked
        with pytest.raises(Busy, match="another process has been renewing it"):
            Renewing(env, stub).renewed(ANN, NOON)
        Renewing(env, Stub(NEW)).renewed(BOB, NOON)
        saved = store.save(ANN._replace(credential=held("ann", timedelta(hours=1))), NOON)
        assert Renewing(env, stub).renewed(ANN, NOON) == saved, "whoever holds the lock has saved it by now"
    assert stub.asked == []


# --- it goes wrong --------------------------------------------------------------------------------------------------

FAILURES: dict[str, KeywrightError] = {
    "no answer": Unreachable("no answer in time"),
    "no": Refused("the token endpoint answered with invalid_client"),
}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
def test_an_access_token_that_lasts_is_used_although_it_could_not_be_renewed(
    env: dict[str, str], store: KeptProfiles, error: KeywrightError
) -> None:
    lasting = store.save(ANN._replace(credential=held("ann", MINUTE)), BORN)
    assert Renewing(env, Stub(error)).renewed(lasting, NOON) == lasting
    with pytest.raises(type(error)):
        Renewing(env, Stub(error)).renewed(lasting, NOON + 2 * MINUTE)


def test_a_failing_issuer_is_left_alone_for_a_while_and_then_asked_again(
    env: dict[str, str], store: KeptProfiles
) -> None:
    failing = Stub(Unreachable("no answer in time"))
    for repeated in (False, True, True):
        with pytest.raises(Unreachable) as raised:
            Renewing(env, failing).renewed(ANN, NOON)
        assert raised.value.is_repeated == repeated
    assert len(failing.asked) == 1
    with pytest.raises(Unreachable, match=r"no answer in time \(asked once; asking again in \d s\)"):
        Renewing(env, Stub(NEW)).renewed(ANN, NOON)
    Renewing(env, Stub(NEW)).renewed(BOB, NOON)
    good = Stub(NEW)
    assert Renewing(env, good).renewed(ANN, NOON + MINUTE).is_valid(NOON + MINUTE)
    stale = store.save(ANN, BORN)
    assert Renewing(env, good).renewed(stale, NOON).is_valid(NOON), "a success has forgotten the failures"
    assert len(good.asked) == 2


def test_a_grant_that_was_taken_back_is_kept_in_mind(env: dict[str, str], store: KeptProfiles) -> None:
    with pytest.raises(TokenRevoked, match="run `keywright profile login acme:ann`"):
        Renewing(env, Stub(TokenRevoked("its issuer took the grant back"))).renewed(ANN, NOON)
    assert is_revoked(env, ANN)
    assert not is_revoked(env, BOB)
    assert store.get(ANN.id) == ANN, "the reason lies in the state; the grant stays to be looked at"
    assert not is_revoked(env, ANN._replace(created_at=NOON)), "one that is added again owes nothing"


def test_of_many_who_wait_one_hears_that_the_grant_was_taken_back_and_nobody_asks_again(
    env: dict[str, str], store: KeptProfiles
) -> None:
    told: list[KeywrightError] = []
    stub = Stub(TokenRevoked("its issuer took the grant back"))

    def renew() -> None:
        try:
            Renewing(env, stub).renewed(ANN, NOON)
        except KeywrightError as error:
            told.append(error)

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in told] == [TokenRevoked] * 8
    assert all("run `keywright profile login acme:ann`" in str(error) for error in told)
    assert sum(error.is_repeated for error in told) == 7
    assert len(stub.asked) == 1
    assert Renewing(env, Stub(NEW)).renewed(ANN, NOON, is_forced=True).is_valid(NOON), "but who insists may"


def test_that_an_older_grant_was_taken_back_says_nothing_of_a_newer_one(
    env: dict[str, str], store: KeptProfiles
) -> None:
    login = ANN._replace(credential=grant())
    stub = Stub(TokenRevoked("its issuer took the grant back"), lambda: store.save(login, NOON))
    with pytest.raises(TokenRevoked):
        Renewing(env, stub).renewed(ANN, NOON)
    assert not is_revoked(env, ANN)


def test_who_logs_in_while_it_is_being_noted_has_a_grant_that_is_good(
    env: dict[str, str], store: KeptProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, decide = ProfileStates(env), ProfileStates.decide

    def log_in_first(self: ProfileStates, *given: Any) -> Decided:
        monkeypatch.undo()
        monkeypatch.setenv("KEYWRIGHT_HOME", env["KEYWRIGHT_HOME"])
        store.save(ANN._replace(credential=grant()), NOON)
        return decide(self, *given)

    states.decide(str(ANN.id), instant(BORN), lambda decided: decided._replace(enabled=False))
    monkeypatch.setattr(ProfileStates, "decide", log_in_first)
    with pytest.raises(TokenRevoked):
        Renewing(env, Stub(TokenRevoked("its issuer took the grant back"))).renewed(ANN, NOON)
    assert not is_revoked(env, ANN)
    assert states.decisions("acme").of(str(ANN.id), instant(BORN)).enabled is False


def test_no_room_on_the_disk_spends_nothing(
    env: dict[str, str], store: KeptProfiles, issuer: GrantIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise CacheUnusable("it cannot be written (ENOSPC)", mend="free some disk space")

    with monkeypatch.context() as patch:
        patch.setattr(PrivateFolder, "replace", full)
        with pytest.raises(VaultUnusable, match="ENOSPC"):
            Renewing(env).renewed(ANN, NOON)
    assert issuer.asked == 0
    assert Renewing(env).renewed(ANN, NOON).is_valid(NOON)
    assert issuer.revoked == set()


def test_a_locked_vault_spends_nothing(env: dict[str, str], store: KeptProfiles) -> None:
    assert store.get(ANN.id)
    OwnVault().lock()
    stub = Stub(NEW)
    with pytest.raises(VaultLocked):
        Renewing(env, stub).renewed(ANN, NOON)
    assert stub.asked == []


def test_nothing_secret_is_written_in_clear(env: dict[str, str], store: KeptProfiles, home: Path) -> None:
    del store
    for answer in (Unreachable("no answer in time"), TokenRevoked("taken back")):
        with pytest.raises(KeywrightError):
            Renewing(env, Stub(answer)).renewed(ANN, NOON + timedelta(days=isinstance(answer, TokenRevoked)))
    for path in (home / "kw").rglob("*"):
        assert path.is_dir() or TYPED.encode() not in path.read_bytes()
