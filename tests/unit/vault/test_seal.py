"""What is sealed opens with the same key and the same facts, and with nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.vault.seal import KEY_BYTES, NONCE_BYTES, BrokenSeal, seal, unseal

KEY = bytes(range(KEY_BYTES))
FACTS = st.lists(st.one_of(st.text(), st.integers()), max_size=4)


@given(st.binary(max_size=100), FACTS)
def test_what_is_sealed_opens(plain: bytes, facts: list[str | int]) -> None:
    assert unseal(KEY, seal(KEY, plain, *facts), *facts) == plain


@given(FACTS, FACTS)
def test_other_facts_do_not_open_it(facts: list[str | int], others: list[str | int]) -> None:
    if facts != others:
        with pytest.raises(BrokenSeal):
            unseal(KEY, seal(KEY, b"plain", *facts), *others)


@pytest.mark.parametrize(("facts", "others"), [(("a,b",), ("a", "b")), (("a", "b"), ("ab",)), ((1,), ("1",))])
def test_facts_are_not_run_together(facts: tuple[str | int, ...], others: tuple[str | int, ...]) -> None:
    with pytest.raises(BrokenSeal):
        unseal(KEY, seal(KEY, b"plain", *facts), *others)


def test_every_nonce_is_new() -> None:
    sealed = {seal(KEY, b"the same", "fact") for _ in range(1000)}
    assert len({one[:NONCE_BYTES] for one in sealed}) == 1000
    assert {len(one) for one in sealed} == {NONCE_BYTES + len(b"the same") + 16}


def test_any_change_and_any_cut_breaks_it() -> None:
    sealed = seal(KEY, b"plain", "fact")
    for at in range(len(sealed)):
        for broken in (sealed[:at], sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]):
            with pytest.raises(BrokenSeal):
                unseal(KEY, broken, "fact")


@pytest.mark.parametrize("key", [bytes(KEY_BYTES), KEY[:16], b"", KEY + b"\0"])
def test_another_key_does_not_open_it(key: bytes) -> None:
    with pytest.raises(BrokenSeal):
        unseal(key, seal(KEY, b"plain", "fact"), "fact")
