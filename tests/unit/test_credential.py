"""A key's digest names everything that changes the answer."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.credential import CacheKey, Credential
from keywright.secret import Secret

WORDS = st.text(st.sampled_from('a:",{}\\ü\udcff'), max_size=3)
KEYS = st.builds(CacheKey, provider=WORDS, profile=WORDS, facts=st.dictionaries(WORDS, WORDS, max_size=3))


@given(KEYS, KEYS)
def test_keys_share_a_digest_only_if_they_are_equal(one: CacheKey, other: CacheKey) -> None:
    assert (one.digest == other.digest) == (one == other)


@given(KEYS)
def test_the_order_of_the_facts_does_not_count(key: CacheKey) -> None:
    turned = dict(reversed(list(key.facts.items())))
    assert CacheKey(provider=key.provider, profile=key.profile, facts=turned).digest == key.digest


def test_the_digest_is_that_of_the_canonical_json() -> None:
    key = CacheKey(provider="github-app", profile="github-app:acme", facts={"owner": "Zoë", "app_id": "1"})
    text = (
        r'{"facts":{"app_id":"1","owner":"Zo\u00eb"},"profile":"github-app:acme","provider":"github-app","version":1}'
    )
    assert json.loads(text) == key.document()
    assert key.digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_credential_does_not_show_the_session_token_in_a_user_name() -> None:
    issued_at = datetime(2030, 1, 1, tzinfo=UTC)
    credential = Credential(secret=Secret("canary"), username="AKID%canary", issued_at=issued_at)
    assert "username='AKID'" in repr(credential)
    assert "canary" not in f"{credential!r} {credential}"


@pytest.mark.parametrize("facts", [{}, {"a": "b"}])
def test_the_document_is_a_copy(facts: Mapping[str, str]) -> None:
    key = CacheKey(provider="p", profile="p:x", facts=facts)
    before = key.digest
    document = key.document()["facts"]
    assert isinstance(document, dict)
    document["more"] = "c"
    assert key.digest == before


def test_a_credential_shows_all_but_its_secret() -> None:
    shown = repr(Credential(secret=Secret("canary"), username="me", issued_at=datetime(2030, 1, 1, tzinfo=UTC)))
    assert "canary" not in shown
    assert "username='me'" in shown
