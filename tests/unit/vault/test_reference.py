"""`vault://NAME`: the secret with the vault's stamp, or the command that mends what is missing."""

from pathlib import Path

import pytest

from fakes.vaults import CONTENT
from keywright.errors import Unavailable, VaultUnusable
from keywright.hit import stamp
from keywright.secret import Secret
from keywright.vault.reference import resolve
from keywright.vault.vault import Vault


def test_a_reference_gives_the_secret_and_the_vaults_stamp(filled: Vault, env: dict[str, str]) -> None:
    secret, inputs = resolve("vault://FORGE_TOKEN", env)
    assert secret.reveal() == CONTENT["FORGE_TOKEN"]
    assert inputs == {filled.path: stamp(filled.path)}


@pytest.mark.parametrize("name", ["ABSENT", "EMPTY"])
def test_what_is_missing_or_empty_names_the_command_and_is_asked_again_when_the_vault_changes(
    filled: Vault, env: dict[str, str], name: str
) -> None:
    with filled.edit() as records:
        records.put("EMPTY", Secret(""))
    with pytest.raises(Unavailable) as raised:
        resolve(f"vault://{name}", env)
    assert str(raised.value) == f"the vault has no secret `{name}`; run `keywright vault set {name}`"
    assert raised.value.inputs == {filled.path: stamp(filled.path)}


def test_without_a_vault_nothing_is_made(vault: Vault, env: dict[str, str]) -> None:
    with pytest.raises(Unavailable, match="run `keywright vault set A`") as raised:
        resolve("vault://A", env)
    assert raised.value.inputs == {vault.path: "-"}
    assert not Path(vault.folder).exists()


def test_a_damaged_vault_is_no_missing_secret(filled: Vault, env: dict[str, str]) -> None:
    Path(filled.path).write_bytes(b"junk")
    with pytest.raises(VaultUnusable, match="damaged"):
        resolve("vault://FORGE_TOKEN", env)
