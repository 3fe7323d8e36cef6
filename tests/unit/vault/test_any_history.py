"""Whatever is put, removed, given another key or interrupted, in any order: the vault is what a dictionary would be."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes.vaults import document_of
from keywright.cache.folder import PrivateFolder
from keywright.secret import Secret
from keywright.vault.rekey import create_with_key_file
from keywright.vault.vault import Vault

NAMES = st.sampled_from(["A", "B", "git https://a.example", "docker reg.example"])
PLACES = st.sampled_from(["", "git https://a.example", "docker reg.example"])
VALUES = st.text(st.characters(), max_size=8)


class Killed(BaseException):
    """The process ended here."""


@contextmanager
def killed_before(call: str) -> Iterator[None]:
    """Let the block end where it first makes the system call, as if the process had been killed there."""

    def end(*_: object, **__: object) -> None:
        patch.setattr(os, "unlink", lambda *_, **__: None)  # the dead tidy nothing up
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, end)
        try:
            yield
        except Killed:
            return
        pytest.fail(f"{call} was never called")


class AnyHistory(RuleBasedStateMachine):
    """A vault beside the dictionary that it should be: `{name: (value, place)}`."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory()
        self._expected: dict[str, tuple[str, str]] = {}
        self._generation = 0
        self._open_anew()

    def teardown(self) -> None:
        self._home.cleanup()

    @rule()
    def _open_anew(self) -> None:
        self._vault = Vault(f"{self._home.name}/data", {})

    @rule(name=NAMES, value=VALUES, place=PLACES)
    def put(self, name: str, value: str, place: str) -> None:
        with self._vault.edit() as records:
            records.put(name, Secret(value), place)
        self._expected[name] = (value, place)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        with self._vault.edit() as records:
            assert records.remove(name) == (name in self._expected)
        self._expected.pop(name, None)

    @rule(gone=NAMES, name=NAMES, value=VALUES, place=PLACES)
    def replace_one_by_another(self, gone: str, name: str, value: str, place: str) -> None:
        with self._vault.edit() as records:
            records.remove(gone)
            records.put(name, Secret(value), place)
        self._expected.pop(gone, None)
        self._expected[name] = (value, place)

    @rule(name=NAMES, value=VALUES, call=st.sampled_from(["fchmod", "fsync", "rename"]))
    def be_killed_while_writing(self, name: str, value: str, call: str) -> None:
        if self._expected.get(name, ("", ""))[0] == value:
            return
        with killed_before(call), self._vault.edit() as records:
            records.put(name, Secret(value))

    @precondition(lambda self: self._generation > 0)
    @rule(is_killed=st.booleans())
    def change_the_key(self, is_killed: bool) -> None:
        with self._vault.locked() as folder:
            made = create_with_key_file(folder)
            moved = self._vault.open().moved_to(
                made.document._replace(generation=document_of(self._vault).generation), made.data_key
            )
            if is_killed:
                with killed_before("rename"):
                    self._vault.write(folder, moved.sealed())
            else:
                self._vault.write(folder, moved.sealed())

    @invariant()
    def it_is_what_the_dictionary_is(self) -> None:
        records = self._vault.open()
        found = {name: record for name in records.names() if (record := records.get(name))}
        assert {name: (one.secret.reveal(), one.place) for name, one in found.items()} == self._expected
        for place in ("git https://a.example", "docker reg.example"):
            filed = {name for name, (_, where) in self._expected.items() if where == place}
            assert {record.name for record in records.find(place)} == filed
            assert self._vault.holds(place) == bool(filed)

    @invariant()
    def no_generation_comes_twice(self) -> None:
        if Path(self._vault.path).exists():
            generation = document_of(self._vault).generation
            assert generation >= self._generation
            self._generation = generation

    @invariant()
    def nothing_is_in_clear(self) -> None:
        for path in Path(self._vault.folder).glob("*") if self._expected else ():
            assert path.stat().st_mode & 0o077 == 0

    @invariant()
    def the_folder_can_be_trusted(self) -> None:
        if Path(self._vault.folder).exists():
            PrivateFolder.open(self._vault.folder)


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestAnyHistory = AnyHistory.TestCase
