"""A new data key: a new id, a new wrapping, and the same records sealed anew."""

from fakes.vaults import CONTENT, content_of, document_of
from keywright.cache.folder import PrivateFolder
from keywright.vault import keys
from keywright.vault.rekey import create, create_with_key_file
from keywright.vault.vault import Vault


def test_every_new_document_has_its_own_id_data_key_and_wrapping() -> None:
    made = [create(keys.new_id(), bytes(32), {"kind": "file"}) for _ in range(3)]
    assert len({one.data_key for one in made}) == 3
    assert len({one.document.id for one in made}) == 3
    assert len({one.document.key["wrapped"] for one in made}) == 3
    assert {keys.unwrap("vault", one.document, bytes(32)) == one.data_key for one in made} == {True}
    assert made[0].document.generation == 0


def test_moved_records_are_the_same_under_another_seal_and_a_later_generation(filled: Vault) -> None:
    old = document_of(filled)
    with filled.locked() as folder:
        made = create_with_key_file(folder)
        following = made.document._replace(generation=old.generation)
        filled.write(folder, filled.open().moved_to(following, made.data_key).sealed())
    new = document_of(filled)
    assert content_of(filled) == CONTENT
    assert (new.id != old.id, new.generation) == (True, old.generation + 1)
    assert not {*new.places} & {*old.places}
    assert not {*new.records.values()} & {*old.records.values()}


def test_an_empty_vault_can_be_moved(vault: Vault) -> None:
    folder = PrivateFolder.open(vault.folder)
    made = create_with_key_file(folder)
    vault.write(folder, vault.open().moved_to(made.document, made.data_key).sealed())
    assert vault.open().names() == []
    assert document_of(vault).generation == 1
