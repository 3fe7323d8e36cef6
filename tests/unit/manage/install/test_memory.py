"""What is remembered of what was installed."""

import json
import os
from pathlib import Path

import pytest

from fakes.own_vault import OwnVault
from keywright.errors import Busy, CacheUnusable
from keywright.manage.install import memory
from keywright.manage.install.memory import Record, held, recall

GIT = Record("git", "/home/me/.gitconfig", "credential.https://a.b.helper", "https://a.b", ["", "/x"], is_sealed=True)
DOCKER = Record("docker", "/home/me/.docker/config.json", "credsStore", "", "keywright", "desktop")


def test_it_outlives_its_process(own: Path) -> None:
    with held(os.environ) as first:
        first.records = {record.key: record for record in (GIT, DOCKER)}
        first.made = {GIT.file}
        first.save()
    second = recall(os.environ)
    assert (second.records, second.made) == ({GIT.key: GIT, DOCKER.key: DOCKER}, {GIT.file})
    assert json.loads((own / "state/installed.json").read_bytes())["schema"] == 1


def test_to_look_at_it_makes_nothing(own: Path) -> None:
    assert recall(os.environ).records == {}
    assert list(own.iterdir()) == []


def test_what_was_only_recalled_is_not_written(own: Path) -> None:
    with pytest.raises(TypeError):
        recall(os.environ).save()


def test_what_may_be_secret_is_in_the_vault_by_file(own: Path, vault: OwnVault) -> None:
    other = GIT._replace(file="/other")
    assert GIT.vault_name != other.vault_name
    with held(os.environ) as one:
        one.seal({GIT.vault_name: ["canary"], other.vault_name: ["other"]})
        assert (one.was(GIT), one.was(other), one.was(DOCKER)) == (["canary"], ["other"], "desktop")
        one.unseal([GIT.vault_name])
        assert (one.was(GIT), one.was(other)) == (None, ["other"])
    assert set(vault.records) == {other.vault_name}


def test_with_nothing_to_keep_the_vault_is_left_alone(own: Path, vault: OwnVault) -> None:
    vault.lock()
    with held(os.environ) as one:
        one.seal({})
        one.unseal([])


def test_one_at_a_time(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOCK_WAIT_S", 0.01)
    with held(os.environ), pytest.raises(Busy, match="another `keywright install`"), held(os.environ):
        pass
    with held(os.environ):
        pass


def test_a_memory_open_to_others_is_not_trusted(own: Path) -> None:
    with held(os.environ) as one:
        one.save()
    (own / "state/installed.json").chmod(0o644)
    with pytest.raises(CacheUnusable, match="chmod 600"):
        recall(os.environ)
