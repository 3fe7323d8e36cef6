"""Records: what was put comes back, and no record passes for another or for what it once was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.vaults import CONTENT, PLACE, content_of, document_of, refusals
from keywright.errors import UsageError, VaultUnusable
from keywright.secret import MASK, Secret
from keywright.vault.document import Document, encode, render
from keywright.vault.keys import Kind
from keywright.vault.records import SECRET_AT_MOST, Record
from keywright.vault.vault import Vault

TOKEN = "FORGE_TOKEN"


def put(vault: Vault, name: str, value: str, place: str = "") -> None:
    with vault.edit() as records:
        records.put(name, Secret(value), place)


def remove_and_fail(vault: Vault) -> None:
    with vault.edit() as records:
        records.remove(TOKEN)
        raise ZeroDivisionError


def numbers(vault: Vault) -> dict[str, str]:
    """Return the number of every record by its name."""
    return {name: entry.number for name, entry in vault.open()._index.items()}


# --- what comes back --------------------------------------------------------------------------------------------------


def test_every_record_comes_back_as_it_was_put(filled: Vault) -> None:
    assert content_of(filled) == CONTENT
    assert filled.open().names() == sorted(CONTENT)


def test_what_is_not_there_is_none(filled: Vault, vault: Vault) -> None:
    assert filled.open().get("absent") is None
    assert filled.open().find("") != filled.open().find("absent") == []


def test_a_record_shows_no_secret(filled: Vault) -> None:
    record = filled.open().get(TOKEN)
    assert repr(record) == f"Record(name='{TOKEN}', place='', secret={MASK}, generation=1)"
    assert CONTENT[TOKEN] not in repr(filled.open())


def test_of_one_place_the_last_written_comes_first(filled: Vault) -> None:
    put(filled, "git https://git.example", "changed", PLACE)
    put(filled, "git https://zoe@git.example", "newest", PLACE)
    put(filled, "git https://other.example", "elsewhere", "git https://other.example")
    found = filled.open().find(PLACE)
    assert [(record.secret.reveal(), record.generation) for record in found] == [
        ("newest", 3),
        ("changed", 2),
        (CONTENT["git https://ann@git.example"], 1),
    ]


def test_a_change_is_seen_in_the_same_edit_before_it_is_written(filled: Vault) -> None:
    with filled.edit() as records:
        records.put("NEW", Secret("new"), PLACE)
        assert records.remove("git https://git.example")
        assert not records.remove("git https://git.example")
        assert [record.name for record in records.find(PLACE)] == ["NEW", "git https://ann@git.example"]
        assert records.names() == sorted({*CONTENT, "NEW"} - {"git https://git.example"})
        assert filled.open().names() == sorted(CONTENT), "another process sees the old state"
    assert filled.open().names() == sorted({*CONTENT, "NEW"} - {"git https://git.example"})


def test_the_same_again_writes_nothing(filled: Vault) -> None:
    before = Path(filled.path).read_bytes()
    with filled.edit() as records:
        for name, value in CONTENT.items():
            records.put(name, Secret(value), PLACE if name.startswith("git ") else "")
        assert not records.remove("absent")
    assert Path(filled.path).read_bytes() == before


def test_what_is_put_and_removed_again_makes_no_vault(vault: Vault) -> None:
    with vault.edit() as records:
        records.put("A", Secret("a"))
        records.remove("A")
    assert not Path(vault.path).exists()


def test_another_place_is_a_change(filled: Vault) -> None:
    put(filled, TOKEN, CONTENT[TOKEN], "elsewhere")
    assert [record.name for record in filled.open().find("elsewhere")] == [TOKEN]
    assert filled.holds("elsewhere")


def test_an_edit_that_raises_writes_nothing(filled: Vault) -> None:
    before = Path(filled.path).read_bytes()
    with pytest.raises(ZeroDivisionError):
        remove_and_fail(filled)
    assert Path(filled.path).read_bytes() == before


def test_what_did_not_change_keeps_its_seal(filled: Vault) -> None:
    before, name = document_of(filled).records, numbers(filled)
    put(filled, TOKEN, "changed")
    after = document_of(filled).records
    assert len(after) == len(before)
    assert before.keys() - after.keys() == {name[TOKEN]}
    assert all(after[number] == before[number] for number in after.keys() & before.keys())


def test_a_secret_of_a_mebibyte_is_kept_and_a_longer_one_refused(vault: Vault) -> None:
    put(vault, "A", "é" * (SECRET_AT_MOST // 2))
    assert content_of(vault) == {"A": "é" * (SECRET_AT_MOST // 2)}
    with pytest.raises(UsageError, match="longer than 1048576 bytes"):
        put(vault, "A", "é" * (SECRET_AT_MOST // 2) + "x")
    assert content_of(vault) == {"A": "é" * (SECRET_AT_MOST // 2)}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_any_text_is_a_name_a_secret_and_a_place(vault: Vault, name: str, value: str, place: str) -> None:
    put(vault, name, value, place)
    assert [(record.name, record.secret.reveal()) for record in vault.open().find(place) if record.name == name] == [
        (name, value)
    ]


# --- what does not pass for another --------------------------------------------------------------------------------

Forge = Callable[[Document, Document, dict[str, str]], Document]


def _swapped(new: Document, _old: Document, number: dict[str, str]) -> Document:
    one, other = number["git https://git.example"], number["git https://ann@git.example"]
    return new._replace(records={**new.records, one: new.records[other], other: new.records[one]})


def _with_old_record(new: Document, old: Document, number: dict[str, str]) -> Document:
    gone = next(iter(old.records.keys() - new.records.keys()))
    return new._replace(records={**new.records, number[TOKEN]: old.records[gone]})


def _with_old_index(new: Document, old: Document, _number: dict[str, str]) -> Document:
    return new._replace(sealed_index=old.sealed_index, records=old.records)


FORGED: dict[str, Forge] = {
    "two records swapped": _swapped,
    "a record doubled": lambda new, _, number: new._replace(
        records={**new.records, number[TOKEN]: new.records[number["git https://git.example"]]}
    ),
    "a record rolled back": _with_old_record,
    "all records and the index rolled back": _with_old_index,
    "the index alone rolled back": lambda new, old, _: new._replace(sealed_index=old.sealed_index),
    "rolled back under the new number": lambda new, old, _: old._replace(generation=new.generation),
    "a record left out": lambda new, _, number: new._replace(
        records={other: sealed for other, sealed in new.records.items() if other != number[TOKEN]}
    ),
    "a record too many": lambda new, old, _: new._replace(records={**new.records, **old.records}),
    "a record under another number": lambda new, _, number: new._replace(
        records={(other if other != number[TOKEN] else "0" * 16): sealed for other, sealed in new.records.items()}
    ),
    "a record in the index's place": lambda new, _, number: new._replace(sealed_index=new.records[number[TOKEN]]),
    "the index in a record's place": lambda new, _, number: new._replace(
        records={**new.records, number[TOKEN]: new.sealed_index}
    ),
    "a place left out": lambda new, _, __: new._replace(places=new.places[1:]),
    "a place too many": lambda new, _, __: new._replace(places=("0" * 32, *new.places)),
    "the places in another order": lambda new, _, __: new._replace(places=new.places[::-1]),
    "a later generation": lambda new, _, __: new._replace(generation=new.generation + 1),
    "an earlier generation": lambda new, _, __: new._replace(generation=new.generation - 1),
    "another id": lambda new, _, __: new._replace(id=new.id[:8] + "0" * 24),
    "the id of another key file": lambda new, _, __: new._replace(id="0" * 32),
    "a key for a passphrase": lambda new, _, __: new._replace(key={**new.key, "kind": Kind.PASSPHRASE.value}),
    "a wrapped key of zeros": lambda new, _, __: new._replace(key={**new.key, "wrapped": encode(bytes(60))}),
    "a wrapped key of nothing": lambda new, _, __: new._replace(key={**new.key, "wrapped": ""}),
    "a record as the wrapped key": lambda new, _, number: new._replace(
        key={**new.key, "wrapped": encode(new.records[number[TOKEN]])}
    ),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_vault_is_refused_and_nothing_is_overwritten(filled: Vault, forge: Forge) -> None:
    put(filled, "git https://other.example", "elsewhere", "git https://other.example")
    old = document_of(filled)
    put(filled, TOKEN, "newer")
    forged = forge(document_of(filled), old, numbers(filled))
    assert forged != document_of(filled)
    assert len(refusals(filled, render(forged))) == 2


def test_another_vaults_record_does_not_pass_for_this_ones(filled: Vault, env: dict[str, str]) -> None:
    other = Vault(f"{env['KEYWRIGHT_HOME']}/other", env)
    put(other, TOKEN, "planted")
    (planted,) = document_of(other).records.values()
    document = document_of(filled)
    forged = document._replace(records={**document.records, numbers(filled)[TOKEN]: planted})
    assert len(refusals(filled, render(forged))) == 2


def test_one_damaged_record_costs_no_other(filled: Vault) -> None:
    document = document_of(filled)
    token = numbers(filled)[TOKEN]
    sealed = bytearray(document.records[token])
    sealed[-1] ^= 1
    Path(filled.path).write_bytes(render(document._replace(records={**document.records, token: bytes(sealed)})))
    with pytest.raises(VaultUnusable, match="damaged"):
        filled.open().get(TOKEN)
    assert len(filled.open().find(PLACE)) == 2


def test_a_record_is_a_plain_value() -> None:
    assert Record("a", "b", Secret("c"), 1)._replace(name="d").name == "d"
