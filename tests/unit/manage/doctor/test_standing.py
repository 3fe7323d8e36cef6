"""The agent, the keyring and the person: who is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.sick_house import House
from keywright.cache.lock import hold
from keywright.errors import KeywrightError, Unavailable, VaultLocked, VaultUnusable
from keywright.manage.doctor import folders, secrets, standing
from keywright.secret import Secret
from keywright.vault import os_keyring

pytestmark = pytest.mark.real_clock


def test_an_agent_that_runs_is_told_by_its_lock(house: House) -> None:
    assert set(house.found(standing.look_at_agent)) == {"agent-absent"}
    assert not (house.own / "state").exists()
    lock = house.write("kw/state/agent.lock", "")
    assert set(house.found(standing.look_at_agent)) == {"agent-absent"}
    with hold(str(lock), 0):
        assert set(house.found(standing.look_at_agent)) == {"agent-running"}


@pytest.mark.parametrize(
    ("failure", "id_"),
    [
        (VaultLocked("locked", mend="unlock it"), "keyring-locked"),
        (Unavailable("silent", mend="see that it runs"), "keyring-silent"),
        (VaultUnusable("it has no such key"), "keyring-answers"),
    ],
)
def test_the_keyring_is_asked_for_a_key_that_it_does_not_have(
    house: House, monkeypatch: pytest.MonkeyPatch, failure: KeywrightError, id_: str
) -> None:
    def read(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(os_keyring, "read", read)
    assert set(house.found(secrets.look_at_keyring)) == {id_}


@pytest.mark.parametrize(
    ("env", "ask", "id_"),
    [
        ({"CI": "true"}, None, "person-absent"),
        ({}, None, "person-absent"),
        ({}, lambda _question: Secret(""), "person-there"),
    ],
)
def test_whether_anybody_can_be_asked(
    house: House, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], ask: Callable[[str], Secret] | None, id_: str
) -> None:
    monkeypatch.setattr(secrets, "find_ask", lambda _env: ask)
    house.env |= env
    assert set(house.found(secrets.look_for_person)) == {id_}


def test_folders_that_are_one_are_looked_at_once(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on macOS, where settings, data and state share `~/Library/Application Support/keywright`."""
    shared = tmp_path / "shared"
    (shared / "profiles").mkdir(mode=0o700, parents=True)
    shared.chmod(0o700)
    for name, mode in (("config.toml", 0o644), ("agent.lock", 0o600), ("vault", 0o600)):
        (shared / name).touch(mode)
        (shared / name).chmod(mode)
    monkeypatch.setattr(folders, "locate", lambda kind, _env: f"{house.own}/cache" if kind == "cache" else str(shared))
    found = list(folders.look(house.scene()))
    assert [row.id for row in found] == ["folder-absent", "folder-private", "settings-absent"]
    (shared / "mine").touch(0o600)
    assert f"{shared}/mine" in house.found(folders.look)["file-unknown"].what
