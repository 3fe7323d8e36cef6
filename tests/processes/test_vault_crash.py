"""A kill, a full disk and a broken one at each system call of a write: the old vault or the new one, never neither."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.vaults import CONTENT, content_of, fill
from keywright.secret import Secret
from keywright.vault import keys
from keywright.vault.vault import Vault
from processes import victim
from processes.house import BOUND_S, need
from processes.test_crash import TRACE, may_trace

pytestmark = pytest.mark.slow

FAULT_AT = 60
"""More calls than any of the writes makes of any kind."""
FAULTS = {"SIGKILL": "signal=SIGKILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
NEW = {"NEW": "new"}
Attempt = Callable[[str, str, int, str], tuple[int, str]]


FILES = ["vault", "vault.lock", "vault.sock", *(f"vault-{letter * 8}.key" for letter in "ab")]
"""What the victim writes to in the vault's folder, each by way of a temporary file."""


@contextmanager
def writing_to(folder: Path, fault: str, files: Sequence[str]) -> Iterator[Attempt]:
    """Start the victim under a kernel that has the fault; yield how to have one write hit at one call."""
    need(may_trace(), "strace, or the right to trace")
    paths = [Path(f"{folder}.idle"), Path(f"{folder}.idle/file"), Path(f"{folder}.idle/file.absent"), folder]
    paths += [*(folder / name for name in files), *(folder / f"{name}.{victim.PID}.tmp" for name in files)]
    calls = ",".join(victim.CALLS.values())
    command = [*TRACE, "/dev/null", *(word for path in paths for word in ("-P", str(path)))]
    command += ["-e", f"trace={calls}", "-e", f"inject={calls}:{FAULTS[fault]}:when={FAULT_AT}"]
    command += [sys.executable, "-I", victim.__file__, str(folder), str(FAULT_AT)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin
    assert process.stdout
    told, said = process.stdin, process.stdout

    def attempt(act: str, kind: str, number: int, letter: str) -> tuple[int, str]:
        told.write(f"{act} {kind} {number} {letter}\n")
        status, _, words = said.readline().removesuffix("\n").partition(" ")
        return int(status), words

    with process:
        yield attempt
        told.close()
        process.wait(BOUND_S)


def sweep(folder: Path, fault: str, act: str, letter: str = "a", files: Sequence[str] = FILES) -> Iterator[str]:
    """Have each call of each kind hit, one after the other; yield what the act then said: nothing if it was killed.

    The folder is as it was before at the start of each.
    """
    before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else None
    hit = Counter[str]()
    with writing_to(folder, fault, files) as attempt:
        for kind in victim.CALLS:
            for number in range(1, FAULT_AT):
                status, words = attempt(act, kind, number, letter)
                assert not words.startswith("bug"), f"{kind} {number}"
                is_over = status == victim.SPARED or (status == -signal.SIGKILL and words == "ok")
                if not is_over:
                    assert (status, bool(words)) == ((-signal.SIGKILL, False) if fault == "SIGKILL" else (0, True))
                    hit[kind] += 1
                    yield words
                _restore(folder, before)
                if is_over:
                    break
    assert set(hit) >= {"open", "flock", "write", "fchmod", "fsync", "rename", "close"}
    assert sum(hit.values()) > 30


def _restore(folder: Path, files: dict[str, bytes] | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if files is not None:
        folder.mkdir(mode=0o700)
        for name, content in files.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(str(tmp_path / "data"), {})


def assert_writable(vault: Vault, content: dict[str, str]) -> None:
    """Assert that the next write finds nothing in its way, and leaves no half of a file behind."""
    with vault.edit() as records:
        records.put("AFTER", Secret("after"))
    assert content_of(vault) == {**content, "AFTER": "after"}
    assert not list(Path(vault.folder).glob("*.tmp"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_is_hit_anywhere_leaves_the_old_vault_or_the_new_one(vault: Vault, fault: str) -> None:
    fill(vault)
    seen = set()
    for words in sweep(Path(vault.folder), fault, "put", "a"):
        found = content_of(vault)
        assert found in (CONTENT, {**CONTENT, **NEW})
        assert words != "ok" or found == {**CONTENT, **NEW}
        seen.add(len(found))
        assert_writable(vault, found)
    assert seen == {len(CONTENT), len(CONTENT) + 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_write_that_is_hit_anywhere_leaves_no_vault_or_one_with_its_key(vault: Vault, fault: str) -> None:
    seen = set()
    for words in sweep(Path(vault.folder), fault, "put", "a"):
        found = content_of(vault)
        assert found in ({}, NEW)
        assert words != "ok" or found == NEW
        seen.add(len(found))
        assert_writable(vault, found)
    assert seen == {0, 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change_of_key_that_is_hit_anywhere_leaves_a_vault_that_its_key_opens(
    vault: Vault, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "new_id", lambda: "a" * 32)
    fill(vault)
    seen = set()
    for words in sweep(Path(vault.folder), fault, "change", "b"):
        document = vault.read()
        assert document is not None
        assert words != "ok" or document.id == "b" * 32
        seen.add(document.id[0])
        assert content_of(vault) == CONTENT
        assert_writable(vault, CONTENT)
    assert seen == {"a", "b"}
