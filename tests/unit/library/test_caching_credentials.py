import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import time_machine

from fakes.holders import ACME, make_holder
from fakes.store_minter import BOUND_S, CANARY, SKEW, TTL, Clock, FakeAwsMinter, FakeMinter, at_ms
from keywright import (
    AwsKeys,
    CachingCredentials,
    ConfigurationError,
    Credential,
    CredentialStore,
    InMemoryCredentialProvider,
    Secret,
    StaticCredentialProvider,
    Unreachable,
    UsageError,
)
from keywright.library.minter import AnyMinter
from keywright.log import one_line

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEYS = AwsKeys("AKIAEXAMPLE", Secret(f"{CANARY}-key"))
SOON = timedelta(milliseconds=20)


def plain(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal().removeprefix(f"{CANARY}-")


def store_of(
    *minters: FakeMinter,
    static: Mapping[str, Secret | str | AwsKeys] | None = None,
    clock: Callable[[], datetime] | None = None,
    mint_within: timedelta = timedelta(seconds=BOUND_S),
) -> CachingCredentials:
    return CachingCredentials(
        static, {one.name: one for one in minters}, now=clock or Clock(START), mint_within=mint_within
    )


def until(is_so: Callable[[], bool]) -> None:
    """Wait for it, with a bound."""
    turn = threading.Event()
    for _ in range(int(BOUND_S / 0.005)):
        if is_so():
            return
        turn.wait(0.005)
    raise AssertionError("it never came")


@contextmanager
def hanging(minter: FakeMinter) -> Iterator[None]:
    """Let its mints hang as long as the block lasts."""
    minter.gate.clear()
    minter.began.clear()
    try:
        yield
    finally:
        minter.gate.set()


def test_caching_store_fails_closed_then_serves_and_rotates() -> None:
    """The test of that name in S3, with its numbers (milliseconds)."""
    clock, eks, broken = Clock(at_ms(0)), FakeMinter("eks", ttl=TTL, refresh_skew=SKEW), FakeMinter("broken")
    broken.failure = OSError("down")
    store = store_of(eks, broken, static={"static": f"{CANARY}-fixed"}, clock=clock)
    story = [
        # now, whether the issuer is up, the ids minted anew, what `eks` gives then
        (500, False, [], None),
        (1_000, True, ["eks"], "eks-2"),
        (2_000, True, [], "eks-2"),
        (9_999, True, [], "eks-2"),
        (10_000, False, [], "eks-2"),  # its skew is left, no more: due, and the old one stays
        (10_500, True, ["eks"], "eks-4"),
        (19_500, False, [], "eks-4"),
        (20_499, False, [], "eks-4"),
        (20_500, False, [], None),  # its end itself: it is served to nobody
        (86_400_000, False, [], None),
        (86_400_001, True, ["eks"], "eks-9"),
    ]
    assert store.resolve("eks") is None
    for now_ms, is_up, rotated, given in story:
        clock.now = at_ms(now_ms)
        eks.failure = None if is_up else OSError("down")
        assert store.refresh_due() == rotated, now_ms
        assert plain(store.resolve("eks")) == given, now_ms
        assert plain(store.resolve("static")) == "fixed"
        assert store.resolve("broken") is None


def test_the_instant_may_be_named_and_what_comes_of_it_is_sorted() -> None:
    store = store_of(*(FakeMinter(name) for name in ("c", "a", "b")), clock=Clock(at_ms(1_000)))
    assert store.refresh_due(at_ms(1_000)) == ["a", "b", "c"]
    assert store.refresh_due(at_ms(2_000)) == []
    assert store.refresh_due(at_ms(10_500)) == ["a", "b", "c"]


def test_expiry_is_looked_at_on_each_read_without_a_round() -> None:
    clock, eks = Clock(START), FakeMinter()
    store = store_of(eks, clock=clock)
    store.refresh_due()
    for left, is_served in [(TTL, True), (timedelta(milliseconds=1), True), (timedelta(0), False), (-TTL, False)]:
        clock.now = START + TTL - left
        assert (store.resolve("eks") is not None) is is_served, left


@pytest.mark.parametrize(
    ("back", "is_served"),
    [(timedelta(seconds=5), True), (timedelta(seconds=6), False), (timedelta(days=3650), False)],
)
def test_a_clock_that_is_set_back_lends_no_credential_a_longer_life(back: timedelta, is_served: bool) -> None:
    clock, eks = Clock(START), FakeMinter()
    store = store_of(eks, clock=clock)
    store.refresh_due()
    clock.now = START - back
    assert (store.resolve("eks") is not None) is is_served
    assert store.refresh_due() == ([] if is_served else ["eks"])
    assert store.resolve("eks") is not None


def test_one_without_an_end_is_minted_once() -> None:
    clock, eks = Clock(START), FakeMinter(ttl=None)
    store = store_of(eks, clock=clock)
    assert store.refresh_due() == ["eks"]
    clock.now = datetime.max.replace(tzinfo=UTC)
    assert store.refresh_due() == []
    assert plain(store.resolve("eks")) == "eks-1"


def minting_what(value: object) -> Any:
    """Return a `mint` that gives what no type checker would let through."""
    return lambda _now: value


NO_CREDENTIALS = {
    "nothing": None,
    "text": f"{CANARY}-text",
    "empty": Credential(Secret(""), issued_at=START),
    "no_secret": Credential(f"{CANARY}-text", issued_at=START),  # type: ignore[arg-type]
    "expired": Credential(Secret("old"), issued_at=START, expires_at=START),
    "naive": Credential(Secret("t"), issued_at=START, expires_at=datetime(2031, 1, 1)),
    "no_instant": Credential(Secret("t"), issued_at=START, expires_at="2031"),  # type: ignore[arg-type]
    "aws_keys": KEYS,
}


@pytest.mark.parametrize("value", NO_CREDENTIALS.values(), ids=NO_CREDENTIALS)
def test_what_is_no_whole_credential_is_a_failed_mint(value: object, caplog: pytest.LogCaptureFixture) -> None:
    minted = iter([Credential(Secret("good"), issued_at=START, expires_at=START + SKEW), value])
    store = CachingCredentials(
        minters={"beside": minting_what(value), "later": lambda _now: cast("Credential", next(minted))},
        now=Clock(START),
    )
    assert store.refresh_due() == ["later"]
    assert store.refresh_due() == []
    assert (plain(store.resolve("later")), store.resolve("beside"), store.resolve_aws("beside")) == ("good", None, None)
    assert caplog.text.count("credential mint failed for beside") == 2
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "failure",
    [OSError(CANARY), KeyError(CANARY), SystemExit(CANARY), KeyboardInterrupt(CANARY), asyncio.CancelledError(CANARY)],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_is_one_warning_without_its_text_and_stops_no_other(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = FakeMinter("a\nforged line")
    broken.failure = failure
    store = store_of(broken, FakeMinter("b"))
    assert store.refresh_due() == ["b"]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"credential mint failed for {one_line(broken.name)} ({type(failure).__name__})"
    assert record.exc_info is None


def test_ids_union_static_and_provider_keys() -> None:
    """The test of that name in S3."""
    store = store_of(FakeMinter("eks"), FakeMinter("github"), static={"billing": f"{CANARY}-x", "aws": KEYS})
    store.register_aws_provider("session", FakeAwsMinter())
    everything = ["aws", "billing", "eks", "github", "session"]
    assert store.ids() == everything
    assert store.refresh_due() == ["eks", "github", "session"]
    assert store.ids() == everything
    assert CANARY not in repr(store.ids())


def test_token_and_aws_resolve_only_their_own_kind() -> None:
    """The test of that name in S3, for what is minted too."""
    store = store_of(FakeMinter("eks"), static={"token": "t0k3n", "keys": KEYS})
    store.register_aws_provider("session", FakeAwsMinter("session"))
    store.refresh_due()
    tokens = {each: plain(store.resolve(each)) for each in [*store.ids(), "unknown"]}
    keys = {each: store.resolve_aws(each) for each in [*store.ids(), "unknown"]}
    assert tokens == {"eks": "eks-1", "token": "t0k3n", "keys": None, "session": None, "unknown": None}
    assert {each for each, value in keys.items() if value} == {"keys", "session"}
    minted = keys["session"]
    assert minted is not None
    assert plain(minted.secret_access_key) == "session-1"
    assert minted.expires_at == START + TTL
    store.insert_runtime("keys", "flipped")
    store.insert_aws_runtime("token", KEYS)
    assert (plain(store.resolve("keys")), store.resolve_aws("keys")) == ("flipped", None)
    assert (store.resolve("token"), store.resolve_aws("token")) == (None, KEYS)


def test_minted_aws_keys_expire_and_rotate() -> None:
    clock, minter = Clock(START), FakeAwsMinter("session")
    store = store_of(clock=clock)
    store.register_aws_provider("session", minter)
    assert store.resolve_aws("session") is None
    assert store.refresh_due() == ["session"]
    minter.failure = OSError()
    clock.now = START + TTL
    assert store.refresh_due() == []
    assert store.resolve_aws("session") is None


TAKEN: dict[str, tuple[Callable[[CachingCredentials], object], str]] = {
    "insert_static over a minter": (lambda store: store.insert_static("eks", "x"), "`eks`"),
    "insert_runtime over a minter": (lambda store: store.insert_runtime("eks", "x"), "`eks`"),
    "insert_aws_runtime over a minter": (lambda store: store.insert_aws_runtime("eks", KEYS), "`eks`"),
    "a provider over a static token": (lambda store: store.register_aws_provider("fixed", FakeAwsMinter()), "`fixed`"),
    "a provider over a minter": (lambda store: store.register_aws_provider("eks", FakeAwsMinter()), "`eks`"),
    "at construction": (lambda _: CachingCredentials({"both": "x"}, {"both": FakeMinter()}), "`both`"),
}


@pytest.mark.parametrize(("attempt", "named"), TAKEN.values(), ids=TAKEN)
def test_an_id_is_static_or_minted_and_never_both(attempt: Callable[[CachingCredentials], object], named: str) -> None:
    store = store_of(FakeMinter("eks"), static={"fixed": f"{CANARY}-y"})
    store.refresh_due()
    with pytest.raises(ConfigurationError, match=named) as caught:
        attempt(store)
    assert CANARY not in str(caught.value)
    assert store.ids() == ["eks", "fixed"]
    assert (plain(store.resolve("eks")), plain(store.resolve("fixed"))) == ("eks-1", "y")


@pytest.mark.parametrize("minter", [None, 5, object()])
def test_what_cannot_mint_is_refused_by_its_id(minter: Any) -> None:
    with pytest.raises(UsageError, match="`eks`"):
        CachingCredentials(minters={"eks": minter})
    with pytest.raises(UsageError, match="`eks`"):
        store_of().register_aws_provider("eks", minter)


class NoTime(FakeMinter):
    """A minter whose skew is a number."""

    def __init__(self) -> None:
        super().__init__()
        self.refresh_skew = 60  # type: ignore[assignment]


def test_a_skew_that_is_no_time_is_refused() -> None:
    with pytest.raises(UsageError, match="refresh_skew"):
        store_of(NoTime())


def test_an_ordinary_function_is_a_minter_of_a_minute_s_skew() -> None:
    clock = Clock(START)
    store = CachingCredentials(
        minters={"t": lambda now: Credential(Secret(f"{now:%M}"), now, now + timedelta(minutes=10))}, now=clock
    )
    for after_s, given in [(0, "00"), (539, "00"), (540, "09")]:
        clock.now = START + timedelta(seconds=after_s)
        store.refresh_due()
        assert plain(store.resolve("t")) == given


def test_a_provider_is_asked_each_round_and_named_only_where_it_gave_another() -> None:
    clock, issuer = Clock(START), FakeMinter(ttl=timedelta(hours=1))
    provider = InMemoryCredentialProvider(issuer.mint, now_s=lambda: clock().timestamp())
    minters: dict[str, AnyMinter] = {"held": provider, "fixed": StaticCredentialProvider("t0k3n")}
    store = CachingCredentials(minters=minters, now=clock)
    assert store.refresh_due() == ["fixed", "held"]
    assert store.refresh_due() == []
    provider.invalidate()
    assert store.refresh_due() == ["held"]
    assert (plain(store.resolve("held")), plain(store.resolve("fixed"))) == ("eks-2", "t0k3n")


def test_a_profile_s_id_is_a_minter_over_the_shared_cache(
    home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make_holder("cached", home, clock, monkeypatch, is_async=False)
    store = CachingCredentials(minters={"github": ACME})
    assert store.resolve("github") is None
    assert store.refresh_due() == ["github"]
    token = store.resolve("github")
    assert token is not None
    assert token.reveal() == holder.get()
    assert store.refresh_due() == []
    holder.invalidate()  # as `keywright invalidate` in another process
    holder.after(2)
    assert store.refresh_due() == ["github"]
    another = store.resolve("github")
    assert another is not None
    assert another != token
    holder.minter.failure = Unreachable("github.com did not answer")
    holder.after(3600)
    assert store.refresh_due() == []
    assert store.resolve("github") is None


def test_a_profile_that_is_not_there_resolves_to_none(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = CachingCredentials(minters={"github": "github-app:nobody"}, now=Clock(START))
    assert store.refresh_due() == []
    assert store.resolve("github") is None
    assert "credential mint failed for github (ProviderNotFound)" in caplog.text


def test_two_refreshers_mint_no_id_twice() -> None:
    minters = [FakeMinter(name) for name in ("a", "b", "c")]
    store = store_of(*minters)
    barrier = threading.Barrier(8)

    def refresh(_number: int) -> list[str]:
        barrier.wait(BOUND_S)
        return store.refresh_due()

    with ThreadPoolExecutor(8) as pool:
        rounds = list(pool.map(refresh, range(8)))
    assert sorted(each for minted in rounds for each in minted) == ["a", "b", "c"]
    assert [(one.calls, one.peak) for one in minters] == [(1, 1)] * 3


def test_who_comes_during_a_mint_waits_for_that_one() -> None:
    eks = FakeMinter()
    store = store_of(eks)
    with ThreadPoolExecutor(2) as pool:
        with hanging(eks):
            one = pool.submit(store.refresh_due)
            assert eks.began.wait(BOUND_S)
            other = pool.submit(store.refresh_due)
            assert store.resolve("eks") is None  # and a reader waits for nobody
        assert (one.result(BOUND_S), other.result(BOUND_S)) == (["eks"], [])
    assert plain(store.resolve("eks")) == "eks-1"


def test_a_mint_that_hangs_is_left_after_its_time_and_none_begins_beside_it(caplog: pytest.LogCaptureFixture) -> None:
    clock, slow = Clock(START), FakeMinter("a")
    store = store_of(slow, clock=clock, mint_within=SOON)
    with hanging(slow):
        assert store.refresh_due() == []
        assert slow.began.wait(BOUND_S)
        assert store.refresh_due() == []
        assert store.resolve("a") is None
        assert (slow.calls, slow.running) == (1, 1)
        assert caplog.text.count("credential mint failed for a (it takes too long)") == 2
    until(lambda: store.resolve("a") is not None)  # what comes late is kept
    assert plain(store.resolve("a")) == "a-1"
    until(lambda: not store._flights)
    clock.now = START + TTL
    store.refresh_due()
    until(lambda: plain(store.resolve("a")) == "a-2")


def test_a_mint_that_hangs_keeps_no_other_from_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    slow = FakeMinter("a")
    store = store_of(slow, FakeMinter("b"), mint_within=SOON)
    with hanging(slow):
        store.refresh_due()
        until(lambda: store.resolve("b") is not None)  # a busy machine may take longer than `SOON` for this one too
        assert store.resolve("a") is None
    assert "credential mint failed for a (it takes too long)" in caplog.text


def test_a_late_one_that_is_expired_when_it_comes_is_given_to_nobody() -> None:
    clock, slow = Clock(START), FakeMinter("a")
    store = store_of(slow, clock=clock, mint_within=SOON)
    with hanging(slow):
        store.refresh_due()
        clock.now = START + TTL
    until(lambda: "a" in store._minted)
    assert store.resolve("a") is None


def test_readers_wait_for_no_mint() -> None:
    clock, eks = Clock(START), FakeMinter()
    store = store_of(eks, static={"fixed": "t0k3n"}, clock=clock)
    store.refresh_due()
    clock.now = START + TTL - SKEW
    with ThreadPoolExecutor(1) as pool, hanging(eks):
        pool.submit(store.refresh_due)
        assert eks.began.wait(BOUND_S)
        assert (plain(store.resolve("eks")), plain(store.resolve("fixed"))) == ("eks-1", "t0k3n")
        store.insert_runtime("other", "x")
        assert store.ids() == ["eks", "fixed", "other"]


def test_tasks_resolve_at_once_and_refresh_in_a_thread() -> None:
    eks = FakeMinter()
    store = store_of(eks)

    async def program() -> tuple[str | None, list[str], str | None]:
        with hanging(eks):
            refreshing = asyncio.create_task(asyncio.to_thread(store.refresh_due))
            assert await asyncio.to_thread(eks.began.wait, BOUND_S)
            before = plain(store.resolve("eks"))
        return before, await refreshing, plain(store.resolve("eks"))

    assert asyncio.run(program()) == (None, ["eks"], "eks-1")


def test_the_refresher_primes_at_once_and_rotates_until_it_is_stopped() -> None:
    clock, eks = Clock(START), FakeMinter()
    store = store_of(eks, clock=clock)
    with store.refresher(timedelta(milliseconds=1)):
        until(lambda: plain(store.resolve("eks")) == "eks-1")
        clock.now = START + TTL
        until(lambda: plain(store.resolve("eks")) == "eks-2")
    assert not [thread for thread in threading.enumerate() if thread.name == "keywright-refresher"]
    clock.now = START + 2 * TTL
    assert store.resolve("eks") is None


def test_the_first_round_is_no_interval_away() -> None:
    store = store_of(FakeMinter())
    with store.refresher(timedelta(days=1)):
        until(lambda: store.resolve("eks") is not None)


def test_stop_waits_for_no_mint_and_loses_none() -> None:
    eks, other = FakeMinter("a"), FakeMinter("b")
    store = store_of(eks, other)
    refresher = store.refresher(timedelta(days=1))
    with hanging(eks):
        refresher.start()
        assert eks.began.wait(BOUND_S)
        refresher.stop()
        assert other.calls == 0
        assert eks.running == 1
    until(lambda: plain(store.resolve("a")) == "a-1")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_serves_what_it_has_and_mints_for_itself() -> None:
    clock, eks = Clock(START), FakeMinter()
    store = store_of(eks, static={"fixed": "t0k3n"}, clock=clock)
    store.refresh_due()
    clock.now = START + TTL - SKEW
    with ThreadPoolExecutor(1) as pool, hanging(eks):
        pool.submit(store.refresh_due)
        assert eks.began.wait(BOUND_S)
        with store._lock:  # a fork may strike in the middle of anything
            child = os.fork()
            if child == 0:  # pragma: no cover - in another process
                code = 1
                try:
                    signal.alarm(int(BOUND_S))
                    eks.gate, eks.began = threading.Event(), threading.Event()
                    eks.gate.set()
                    has_all = (plain(store.resolve("eks")), store.ids()) == ("eks-1", ["eks", "fixed"])
                    is_minted = store.refresh_due() == ["eks"] and plain(store.resolve("eks")) == "eks-3"
                    code = 0 if has_all and is_minted else 2
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_secret_debug_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """The test of that name in S3: of nothing here does a `repr` show what is secret."""
    caplog.set_level(logging.DEBUG)
    broken = FakeMinter("broken")
    broken.failure = ValueError(f"{CANARY} in a failure")
    store = store_of(FakeMinter("eks"), broken, static={"fixed": f"{CANARY}-z", "keys": KEYS})
    store.register_aws_provider("session", FakeAwsMinter("session"))
    store.refresh_due()
    refresher = store.refresher()
    shown = [store, refresher, store._minted, store._static, store._static._values, store._mintings, store._flights]
    shown += [store.resolve("fixed"), store.resolve_aws("keys"), store.resolve_aws("session")]
    assert CANARY not in "".join(f"{one!r}{one}{one!s:>9}" if isinstance(one, Secret) else repr(one) for one in shown)
    assert repr(store) == "CachingCredentials(ids=['broken', 'eks', 'fixed', 'keys', 'session'])"
    assert CANARY not in caplog.text


def test_it_is_a_store() -> None:
    assert isinstance(store_of(), CredentialStore)
