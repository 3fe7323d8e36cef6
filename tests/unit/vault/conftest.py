"""A vault of each test's own."""

from pathlib import Path

import pytest

from fakes.vaults import fill
from keywright.vault.vault import Vault, open_vault


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}


@pytest.fixture
def vault(env: dict[str, str]) -> Vault:
    """A vault that nothing was ever put into."""
    return open_vault(env)


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """A vault that holds `CONTENT`, all but the token filed under `PLACE`."""
    fill(vault)
    return vault
