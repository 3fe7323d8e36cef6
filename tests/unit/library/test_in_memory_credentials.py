import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.store_minter import CANARY, Clock, FakeAwsMinter
from keywright import AwsKeys, Credential, CredentialStore, InMemoryCredentials, Secret, UsageError

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEYS = AwsKeys("AKIAEXAMPLE", Secret(f"{CANARY}-key"), Secret(f"{CANARY}-session"))


def test_token_and_aws_resolve_only_their_own_kind() -> None:
    """The test of that name in S3."""
    store = InMemoryCredentials({"token": "t0k3n", "secret": Secret("s3cr3t"), "keys": KEYS})
    assert {each: store.resolve(each) for each in store.ids()} == {
        "token": Secret("t0k3n"),
        "secret": Secret("s3cr3t"),
        "keys": None,
    }
    assert {each: store.resolve_aws(each) for each in store.ids()} == {"token": None, "secret": None, "keys": KEYS}
    assert (store.resolve("unknown"), store.resolve_aws("unknown")) == (None, None)


def test_replacing_flips_the_kind() -> None:
    store = InMemoryCredentials({"id": "old"})
    for value in (KEYS, "t0k3n", KEYS, Secret("s3cr3t")):
        store.insert("id", value)
        assert (store.resolve("id") is None, store.resolve_aws("id") is None) == (value is KEYS, value is not KEYS)
    store.insert_aws_runtime("id", KEYS)
    assert (store.resolve("id"), store.resolve_aws("id")) == (None, KEYS)
    store.insert_runtime("id", "t0k3n")
    assert (store.resolve("id"), store.resolve_aws("id")) == (Secret("t0k3n"), None)
    assert store.ids() == ["id"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        Secret(""),
        None,
        7,
        Credential(Secret("t"), issued_at=START),
        KEYS._replace(secret_access_key=Secret("")),
        KEYS._replace(session_token=Secret("")),
        KEYS._replace(secret_access_key=f"{CANARY}-text"),  # type: ignore[arg-type]
        KEYS._replace(expires_at=datetime(2031, 1, 1)),
    ],
    ids=str,
)
def test_what_is_no_whole_secret_is_refused(value: Any) -> None:
    store = InMemoryCredentials({"id": "old"})
    for attempt in (lambda: store.insert("id", value), lambda: InMemoryCredentials({"id": value})):
        with pytest.raises(UsageError, match="`id`") as caught:
            attempt()
        assert CANARY not in str(caught.value)
    assert store.resolve("id") == Secret("old")


def test_keys_with_an_end_are_given_until_then() -> None:
    clock = Clock(START)
    store = InMemoryCredentials({"keys": KEYS._replace(expires_at=START + timedelta(seconds=1))}, now=clock)
    assert store.resolve_aws("keys") is not None
    clock.now = START + timedelta(seconds=1)
    assert store.resolve_aws("keys") is None
    assert store.ids() == ["keys"]


def test_it_mints_nothing() -> None:
    store = InMemoryCredentials()
    with pytest.raises(UsageError, match="InMemoryCredentials cannot mint AWS keys for `session`"):
        store.register_aws_provider("session", FakeAwsMinter())
    assert store.ids() == []


def test_secret_debug_is_redacted() -> None:
    """The test of that name in S3."""
    store = InMemoryCredentials({"token": f"{CANARY}-t", "keys": KEYS})
    assert repr(store) == "InMemoryCredentials(ids=['keys', 'token'])"
    assert CANARY not in f"{store}{store._values}{store.resolve('token')}{store.resolve_aws('keys')}"
    for value in (store, KEYS):
        with pytest.raises(TypeError, match="Secret cannot be pickled"):
            pickle.dumps(value)


def test_keys_are_masked_even_where_somebody_put_text_for_a_secret() -> None:
    wrong = AwsKeys("AKIAEXAMPLE", f"{CANARY}-key", f"{CANARY}-session")  # type: ignore[arg-type]
    assert f"{wrong}" == (
        "AwsKeys(access_key_id='AKIAEXAMPLE', secret_access_key=<secret>, session_token=<secret>, expires_at=None)"
    )


class Nothing(CredentialStore):
    """A store of somebody's own that does nothing yet."""


def test_a_store_fails_closed_by_default() -> None:
    store = Nothing()
    assert (store.resolve("id"), store.resolve_aws("id"), store.ids()) == (None, None, [])
    attempts: list[Callable[[], object]] = [
        lambda: store.insert_runtime("id", f"{CANARY}-t"),
        lambda: store.insert_aws_runtime("id", KEYS),
        lambda: store.register_aws_provider("id", FakeAwsMinter()),
    ]
    for attempt in attempts:
        with pytest.raises(UsageError, match=r"Nothing cannot .* for `id`") as caught:
            attempt()
        assert CANARY not in str(caught.value)


def test_the_stores_are_stores() -> None:
    assert isinstance(InMemoryCredentials(), CredentialStore)
    assert not isinstance({}, CredentialStore)
