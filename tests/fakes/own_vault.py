"""The vault of the user whose environment this process has, as a test looks into it, empties it and locks it."""

import os

from keywright.secret import Secret
from keywright.vault import keys, rekey
from keywright.vault.records import Records
from keywright.vault.vault import Vault, open_vault

PASSPHRASE = Secret("open sesame")


class OwnVault:
    """A real vault, opened anew for each look."""

    @property
    def vault(self) -> Vault:
        return open_vault(os.environ)

    @property
    def records(self) -> dict[str, Secret]:
        """Every record's secret by its name."""
        opened = self.vault.open()
        return {name: record.secret for name in opened.names() if (record := opened.get(name))}

    def clear(self) -> None:
        """Remove every record."""
        with self.vault.edit() as records:
            for name in records.names():
                records.remove(name)

    def lock(self) -> None:
        """Put it under a passphrase that nobody gave."""
        vault = self.vault
        with vault.locked() as folder:
            wrapping, header = keys.passphrase_header(PASSPHRASE)
            made = rekey.create(keys.new_id(), wrapping, header)
            vault.write(folder, vault.open().moved_to(made.document, made.data_key).sealed())

    def unlock(self) -> None:
        """Put it back under a key file."""
        vault = self.vault
        with vault.locked() as folder:
            document = vault.read()
            assert document is not None
            wrapping = keys.key_of_passphrase(vault.path, document, PASSPHRASE)
            records = Records(vault.path, document, keys.unwrap(vault.path, document, wrapping))
            made = rekey.create_with_key_file(folder)
            vault.write(folder, records.moved_to(made.document, made.data_key).sealed())
