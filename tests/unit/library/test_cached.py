"""What a program shares with the helpers: the cache, what is decided about accounts, and the settings."""

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.accounts import Accounts, oauth
from fakes.holders import ACME, SETTINGS, Holder, make_holder
from keywright import (
    CachedCredentialProvider,
    KeywrightError,
    ProviderNotFound,
    Secret,
    Unavailable,
    Unreachable,
    UsageError,
    get_token,
)
from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.state import ProfileStates
from keywright.renewal import Served
from keywright.request import Client, Request, Verb
from keywright.settings.load import load, locate

SPARE = "github-app:spare"


@pytest.fixture
def holder(home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> Holder:
    return make_holder("cached", home, clock, monkeypatch, is_async=False)


@pytest.fixture
def settings(holder: Holder, home: Path) -> Path:
    return home / ".config/keywright/config.toml"


def helper_gets() -> Served:
    """What a helper of another process is served."""
    broker = Broker(
        settings=load(locate(os.environ), None),
        cache=open_cache(os.environ),
        env=os.environ,
        now=lambda: datetime.now(UTC),
        say=lambda _message: None,
    )
    return broker.serve(Request(client=Client.PERSON, verb=Verb.GET, asked=ACME, profile=ACME))


def test_a_program_and_a_helper_share_what_was_minted(holder: Holder) -> None:
    assert helper_gets().credential.secret.reveal() == holder.get()
    assert holder.minter.calls == 1


def test_two_programs_share_what_was_minted(holder: Holder) -> None:
    holder.get()
    assert holder.make().current().secret.reveal() == holder.get()
    assert holder.minter.calls == 1


def test_what_another_process_renews_is_seen_within_a_second(holder: Holder) -> None:
    old = holder.get()
    other = holder.make()
    holder.after(3570)
    assert other.current().secret.reveal() == old
    holder.settle()
    holder.after(1)
    assert holder.get() != old
    holder.settle()
    assert holder.minter.calls == 2


def test_what_another_process_drops_is_seen_within_a_second(holder: Holder) -> None:
    first = holder.current()
    holder.make().invalidate(first)
    holder.after(1)
    assert holder.get() != first.secret.reveal()
    assert holder.minter.calls == 2


def test_between_two_looks_no_file_is_touched(holder: Holder, home: Path) -> None:
    first = holder.get()
    for entry in open_cache(os.environ).entries.digests():
        open_cache(os.environ).entries.forget(entry)
    holder.after(0.9)
    assert holder.get() == first


@pytest.mark.parametrize("changed", ["renew_before", "profile"])
def test_changed_settings_are_seen_within_a_second(holder: Holder, settings: Path, changed: str) -> None:
    holder.get()
    if changed == "profile":
        settings.write_text("version = 1\n")
        holder.after(1)
        with pytest.raises(ProviderNotFound):
            holder.get()
        return
    settings.write_text(SETTINGS.replace("90s", "2m"))
    holder.after(3500)
    assert holder.get() == f"minted-{ACME}-1"
    holder.settle()
    assert holder.minter.calls == 2


def test_a_profile_that_is_disabled_is_used_no_more(holder: Holder) -> None:
    holder.get()
    ProfileStates(os.environ).decide(ACME, "", lambda decided: decided._replace(enabled=False))
    holder.after(1)
    with pytest.raises(Unavailable, match=f"{ACME}: it is disabled; run `keywright profile enable {ACME}`"):
        holder.get()


def test_a_stand_in_serves_until_the_first_is_back(holder: Holder, settings: Path) -> None:
    rows = SETTINGS.replace("renew_before", f'fallback = ["{SPARE}"]\nrenew_before')
    settings.write_text(rows + SETTINGS.partition("version = 1")[2].replace(ACME, SPARE))
    holder.minter.failure, holder.minter.failing = Unreachable("503"), ACME
    assert holder.get().startswith(f"minted-{SPARE}")
    holder.minter.failure = None
    served = set()
    for _ in range(30):
        holder.after(10)
        served.add(holder.get().rpartition("-")[0])
        holder.settle()
    assert holder.get().startswith(f"minted-{ACME}")
    assert served == {f"minted-{SPARE}", f"minted-{ACME}"}


def test_a_profile_nobody_knows_is_named_with_those_there_are(holder: Holder) -> None:
    with pytest.raises(ProviderNotFound, match=f"there is no profile `github-app:nope`; .* has: {ACME}"):
        CachedCredentialProvider("github-app:nope").current()


def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(UsageError):
        CachedCredentialProvider(ACME, url="https://user@host")


def test_without_a_cache_that_can_be_used_it_is_held_all_the_same(
    holder: Holder, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / ".cache").mkdir()
    (home / ".cache/keywright").write_text("no folder")
    first = holder.get()
    holder.after(60)
    assert holder.get() == first
    holder.invalidate(holder.current())
    assert holder.get() != first
    assert holder.minter.calls == 2
    assert {(record.name, record.levelname) for record in caplog.records} == {("keywright", "WARNING")}
    assert "not using the cache" in caplog.text
    assert all(record.getMessage().endswith(" [cache_unusable]") for record in caplog.records)
    assert first not in caplog.text


def test_without_a_cache_too_what_keeps_being_rejected_is_replaced_once_a_minute(holder: Holder, home: Path) -> None:
    (home / ".cache").mkdir()
    (home / ".cache/keywright").write_text("no folder")
    for _ in range(60):
        holder.invalidate(holder.current())
        holder.after(1)
    assert holder.minter.calls == 2


def test_without_a_cache_a_broken_issuer_is_not_asked_for_each_call(holder: Holder, home: Path) -> None:
    (home / ".cache").mkdir()
    (home / ".cache/keywright").write_text("no folder")
    holder.minter.failure = Unreachable("503")
    for _ in range(20):
        with pytest.raises(Unreachable, match="503"):
            holder.get()
    assert holder.minter.calls == 1
    holder.minter.failure = None
    holder.after(10)
    assert holder.get() == f"minted-{ACME}-2"


def test_an_unforeseen_error_tells_its_type_and_not_its_text(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble() -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(holder.minter, "gate", stumble)
    with pytest.raises(Exception, match="a bug: ZeroDivisionError") as raised:
        holder.get()
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_programs_signals_are_its_own(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for the while that it is at work in the main thread."""
    touched: list[str] = []
    assert threading.current_thread() is threading.main_thread()
    first = holder.current()
    for name in ("signal", "setitimer"):
        original = getattr(signal, name)

        def touch(*args: object, name: str = name, original: Callable[..., object] = original) -> object:
            if threading.current_thread() is threading.main_thread():
                touched.append(name)
            return original(*args)

        monkeypatch.setattr(signal, name, touch)
    holder.invalidate(first)
    assert holder.get() != first.secret.reveal()
    assert not touched


def test_a_rejection_that_cannot_be_passed_on_is_told_without_a_trace(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = holder.current()

    def stumble(*_args: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(Broker, "invalidate", stumble)
    with pytest.raises(KeywrightError, match="a bug: ZeroDivisionError") as raised:
        holder.invalidate(first)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("error", [ZeroDivisionError("canary"), Unreachable("503")], ids=["a bug", "a failure"])
def test_the_trace_of_a_failure_leads_to_no_frame_that_held_a_secret(
    holder: Holder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fetch(authorization: str) -> None:
        assert authorization
        raise error

    monkeypatch.setattr(holder.minter, "gate", lambda: fetch("Bearer canary"))
    with pytest.raises(KeywrightError) as raised:
        holder.get()
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert fetch.__code__ not in [frame.f_code for frame in frames]
    assert not [frame for frame in frames if frame.f_locals.get("authorization")]


def test_another_process_gets_what_it_asks_for_and_nothing_that_was_got(holder: Holder) -> None:
    secret = holder.get()
    pickled = pickle.dumps(holder.provider)
    assert secret.encode() not in pickled
    assert pickle.loads(pickled).current().secret.reveal() == secret
    assert holder.minter.calls == 1


def test_the_shortest_way_holds_one_for_each_profile(holder: Holder) -> None:
    assert get_token(ACME).reveal() == get_token(ACME).reveal() == holder.get()
    assert holder.minter.calls == 1


class TestWhatIsRead:
    def test_a_file_that_changes_is_read_again(self, settings: Path, holder: Holder, home: Path) -> None:
        secret = home / "secret"
        secret.write_text("one\n")
        secret.chmod(0o600)
        table = f'[profiles."static:it"]\nurl = "https://it.example"\nsecret = "file://{secret}"\n'
        settings.write_text(f"version = 1\n{table}")
        provider = CachedCredentialProvider("static:it")
        assert provider.current().secret.reveal() == "one"
        secret.write_text("two, a longer one\n")
        holder.after(1)
        assert provider.current().secret.reveal() == "two, a longer one"

    def test_rejecting_it_leaves_it_alone(
        self, settings: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.write_text('version = 1\n[profiles."static:it"]\nurl = "https://it.example"\nsecret = "env://IT"\n')
        monkeypatch.setenv("IT", "there")
        provider = CachedCredentialProvider("static:it")
        for _ in range(3):
            provider.invalidate(provider.current())
            assert provider.current().secret.reveal() == "there"


class TestOfAGrant:
    """An OAuth grant of the vault: its access token is what is held, its refresh token brings the next."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []

        def refresh(_self: object, kept: AuthProfile, grant: OAuth, now: datetime, _timeout_s: float) -> OAuth:
            asked.append(grant.refresh_token.reveal() if grant.refresh_token else "")
            count = len(asked)
            return OAuth(
                access_token=Secret(f"access-{count}"),
                refresh_token=Secret(f"refresh-{count}"),
                expires_at=now + timedelta(hours=1),
            )

        monkeypatch.setattr("keywright.profiles.token_endpoint.TokenEndpoint.refresh", refresh)
        return asked

    def test_it_is_renewed_behind_its_users(self, holder: Holder, asked: list[str]) -> None:
        Accounts().keep("acme:ann", oauth(refresh="refresh-0"))
        provider = CachedCredentialProvider("acme:ann")
        assert provider.current().secret.reveal() == "access"
        holder.after(3400)
        assert provider.current().secret.reveal() == "access"
        holder.settle()
        assert provider.current().secret.reveal() == "access-1"
        assert asked == ["refresh-0"]

    def test_a_rejected_access_token_is_replaced_at_once_and_for_everybody(
        self, holder: Holder, asked: list[str]
    ) -> None:
        Accounts().keep("acme:ann", oauth(refresh="refresh-0"))
        provider, other = CachedCredentialProvider("acme:ann"), CachedCredentialProvider("acme:ann")
        rejected = provider.current()
        other.current()
        provider.invalidate(rejected)
        assert provider.current().secret.reveal() == "access-1"
        holder.after(1)
        assert other.current().secret.reveal() == "access-1"
        for _ in range(3):  # late ones cost nothing, and neither does one that is rejected again at once
            provider.invalidate(rejected)
            provider.invalidate(provider.current())
            assert provider.current().secret.reveal() == "access-1"
        assert asked == ["refresh-0"]

    def test_one_that_nothing_renews_stays(self, holder: Holder, asked: list[str]) -> None:
        Accounts().keep("acme:ann", oauth())
        provider = CachedCredentialProvider("acme:ann")
        provider.invalidate(provider.current())
        assert provider.current().secret.reveal() == "access"
        assert not asked
