"""The vault's key: made, changed, held for a while and let go. Each returns the one line that says what was done."""

from collections.abc import Mapping
from typing import Final

from keywright.cache.folder import PrivateFolder
from keywright.errors import UsageError
from keywright.manage.span import span
from keywright.manage.terminal import Asking
from keywright.settings.values import parse_duration
from keywright.vault import change as changing
from keywright.vault.change import Key, no_vault
from keywright.vault.held import let_go
from keywright.vault.keys import Kind, check_passphrase, kind_of
from keywright.vault.limits import Left
from keywright.vault.os_keyring import DEADLINE_S, PERSON_DEADLINE_S
from keywright.vault.vault import Vault, as_vault, open_vault

_PASSPHRASE: Final = "Passphrase of the vault: "  # noqa: S105 - a prompt, not one
_NEW_PASSPHRASE: Final = "New passphrase of the vault: "  # noqa: S105 - the same
_WHERE: Final = {
    Kind.FILE: "its key in a file beside it",
    Kind.PASSPHRASE: "under a passphrase, locked: `keywright vault unlock` opens it",
    Kind.KEYRING: "its key in the OS keyring",
}


def init(kind_name: str, env: Mapping[str, str], asking: Asking) -> str:
    """Make an empty vault.

    Raises:
        KeywrightError: as `keywright.vault.change.make` does.
    """
    vault, kind = open_vault(env), Kind(kind_name)
    # Who has a vault need not think of a passphrase before they are told.
    key = _new_key(kind, asking) if vault.read() is None else Key(Kind.FILE)
    changing.make(vault, key, env)
    return f"made {vault.path}, {_WHERE[kind]}"


def change(kind_name: str | None, env: Mapping[str, str], asking: Asking) -> str:
    """Seal everything anew under a new key, of the same kind if no other is named.

    Raises:
        KeywrightError: as `keywright.vault.change.change` does.
    """
    vault = open_vault(env)
    old_kind, vault_id = _kind_and_id(vault)
    kind = Kind(kind_name) if kind_name else old_kind
    old = Key(old_kind, keyring_wait_s=_keyring_wait_s(asking))
    if old_kind is Kind.PASSPHRASE:
        is_last = kind is not Kind.PASSPHRASE
        old = Key(old_kind, asking.known(_PASSPHRASE) if is_last else asking.first_of_several(_PASSPHRASE))
    changing.change(vault, vault_id, old, _new_key(kind, asking), env)
    return f"sealed {vault.path} anew, {_WHERE[kind]}"


def unlock(idle: str, total: str, env: Mapping[str, str], asking: Asking) -> str:
    """Hold the vault's key for as long as the two spans say, such as `15m` and `8h`.

    Raises:
        KeywrightError: as `keywright.vault.change.unlock` does.
    """
    left = Left(idle_s=_seconds("--idle", idle), total_s=_seconds("--for", total))
    vault = open_vault(env)
    kind, vault_id = _kind_and_id(vault)
    if kind is Kind.FILE:
        raise _nothing_to_lock()
    passphrase = asking.known(_PASSPHRASE) if kind is Kind.PASSPHRASE else changing.NO_PASSPHRASE
    changing.unlock(vault, vault_id, Key(kind, passphrase, _keyring_wait_s(asking)), left, env)
    return f"unlocked for {span(left.total_s)}, or until it is not used for {span(left.least_s)}"


def lock(env: Mapping[str, str]) -> str:
    """End whoever holds the vault's key; returns once it is gone.

    Raises:
        UsageError: there is no vault, or its key is in a file.
        VaultUnusable: the vault is damaged, or whoever holds a key cannot be ended.
    """
    vault = open_vault(env)
    with as_vault():
        was_held = let_go(PrivateFolder.open(vault.folder))  # first of all, whatever else is wrong
    kind, _ = _kind_and_id(vault)
    match kind:
        case Kind.FILE:
            raise _nothing_to_lock()
        case Kind.KEYRING:
            return "the key is not held any more; the OS keyring opens the vault for as long as it is unlocked itself"
        case Kind.PASSPHRASE:
            return "locked" if was_held else "the vault is locked already"


def _kind_and_id(vault: Vault) -> tuple[Kind, str]:
    document = vault.read()
    if document is None:
        raise no_vault()
    return kind_of(vault.path, document), document.id


def _nothing_to_lock() -> UsageError:
    return UsageError(
        "the vault's key is in a file beside it: there is nothing to lock or unlock",
        mend="`keywright vault change-password --key passphrase` gives it a passphrase",
    )


def _new_key(kind: Kind, asking: Asking) -> Key:
    if kind is not Kind.PASSPHRASE:
        return Key(kind, keyring_wait_s=_keyring_wait_s(asking))
    passphrase = asking.new(_NEW_PASSPHRASE)
    check_passphrase(passphrase)
    return Key(kind, passphrase)


def _keyring_wait_s(asking: Asking) -> float:
    return PERSON_DEADLINE_S if asking.is_on_terminal else DEADLINE_S


def _seconds(option: str, text: str) -> float:
    duration = parse_duration(text)
    if not duration:
        raise UsageError(f"{option} is a time such as 90s, 15m or 1h30m")
    return duration.total_seconds()
