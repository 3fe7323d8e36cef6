"""`vault://NAME`: a secret of the vault, wherever the settings say where a secret is."""

from collections.abc import Mapping
from typing import Final

from keywright.errors import Unavailable
from keywright.hit import stamp
from keywright.secret import Secret
from keywright.vault.vault import open_vault

SCHEME: Final = "vault://"


def resolve(reference: str, env: Mapping[str, str]) -> tuple[Secret, dict[str, str]]:
    """Return the secret, and the vault's file with its stamp from before it was read.

    Raises:
        Unavailable: the vault has no such record, or an empty one.
        VaultLocked: its key is not at hand.
        VaultUnusable: it is damaged or cannot be trusted.
    """
    name = reference.removeprefix(SCHEME)
    vault = open_vault(env)
    inputs = {vault.path: stamp(vault.path)}
    record = vault.open().get(name)
    if record is None or not record.secret:
        error = Unavailable(f"the vault has no secret `{name}`", mend=f"run `keywright vault set {name}`")
        error.inputs = inputs
        raise error
    return record.secret, inputs
