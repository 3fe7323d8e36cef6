"""Entries: found by their key alone, replaced whole, never lost to damage, and locked across processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywright.cache.entry import Entry, dump
from keywright.cache.store import Store
from keywright.credential import CacheKey, Credential
from keywright.errors import CacheUnusable
from keywright.hit import stamp
from keywright.secret import Secret

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = CacheKey(provider="github-app", profile="github-app:acme", facts={"owner": "acme"})
OTHER = CacheKey(provider="github-app", profile="github-app:evil", facts={"owner": "acme"})
WAIT_S = 60


def entry_of(key: CacheKey = KEY, *, generation: int = 1, secret: str = "ghs_canary") -> Entry:
    credential = Credential(secret=Secret(secret), issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    return Entry(key=key, generation=generation, credential=credential)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(cache: Path) -> Store:
    return Store(str(cache))


def put(store: Store, content: bytes, key: CacheKey = KEY) -> Path:
    path = Path(store.path(key.digest))
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


class TestSweep:
    def test_what_expired_over_a_week_ago_goes_and_the_rest_stays(self, store: Store) -> None:
        store.save(entry_of())
        store.save(
            entry_of(OTHER)._replace(credential=entry_of().credential._replace(expires_at=NOW + timedelta(days=9)))
        )
        assert store.sweep((NOW + timedelta(days=7)).timestamp()) == []
        assert store.sweep((NOW + timedelta(days=8)).timestamp()) == [KEY.digest]
        assert store.digests() == [OTHER.digest]

    def test_a_long_absence_is_swept_a_few_at_a_time(self, store: Store) -> None:
        for number in range(30):
            store.save(entry_of(KEY._replace(profile=f"github-app:{number}")))
        later = (NOW + timedelta(days=30)).timestamp()
        assert [len(store.sweep(later)) for _ in range(3)] == [20, 10, 0]

    def test_what_somebody_is_renewing_stays(self, store: Store) -> None:
        store.save(entry_of())
        other = Store(str(Path(store.path("x")).parent.parent))
        result: list[list[str]] = []
        with store.lock(KEY.digest, 0):
            sweeper = threading.Thread(target=lambda: result.append(other.sweep((NOW + timedelta(days=8)).timestamp())))
            sweeper.start()
            sweeper.join(WAIT_S)
        assert result == [[]]
        assert store.digests() == [KEY.digest]


class TestEntries:
    def test_what_was_saved_is_found_with_its_stamp(self, store: Store) -> None:
        seen = store.save(entry_of())
        assert store.find(KEY) == (entry_of(), seen)
        assert store.read(KEY.digest) == (entry_of(), seen)
        assert seen == stamp(store.path(KEY.digest))

    def test_what_was_not_saved_is_a_miss(self, store: Store) -> None:
        store.save(entry_of())
        assert store.find(OTHER) is None
        assert store.read(OTHER.digest) is None

    def test_a_second_save_replaces_the_first(self, store: Store) -> None:
        first = store.save(entry_of(generation=1))
        second = store.save(entry_of(generation=2))
        assert first != second
        assert store.find(KEY) == (entry_of(generation=2), second)

    def test_an_entry_that_repeats_another_key_is_a_miss(self, store: Store) -> None:
        put(store, dump(entry_of(OTHER)))
        assert store.find(KEY) is None
        store.save(entry_of())
        assert store.find(KEY) is not None

    def test_the_folders_and_files_are_private(self, store: Store, cache: Path) -> None:
        store.save(entry_of())
        assert {path.stat().st_mode & 0o7777 for path in (cache, cache / "entries")} == {0o700}
        assert os.stat(store.path(KEY.digest)).st_mode == 0o100600

    def test_entries_are_listed_by_name(self, store: Store, cache: Path) -> None:
        assert store.digests() == []
        store.save(entry_of())
        store.save(entry_of(OTHER))
        for name in ("x.json.broken", "x.lock", "x.json.1.tmp"):
            (cache / "entries" / name).touch()
        assert store.digests() == sorted([KEY.digest, OTHER.digest])

    def test_forgetting_says_whether_there_was_one(self, store: Store) -> None:
        store.save(entry_of())
        assert [store.forget(KEY.digest), store.forget(KEY.digest)] == [True, False]
        assert store.find(KEY) is None

    def test_what_a_killed_process_left_goes_with_the_entry(self, store: Store, cache: Path) -> None:
        orphan = cache / f"entries/{KEY.digest}.json.99.tmp"
        for act in (lambda: store.save(entry_of()), lambda: store.forget(KEY.digest)):
            orphan.write_bytes(b"half a secret")
            act()
            assert not orphan.exists()

    def test_a_loose_folder_is_refused(self, store: Store, cache: Path) -> None:
        for path in (cache / "entries", cache):
            path.chmod(0o755)
            with pytest.raises(CacheUnusable, match=f"run `chmod 700 '{path}'`"):
                Store(str(cache))

    def test_a_loose_entry_is_refused(self, store: Store) -> None:
        store.save(entry_of())
        os.chmod(store.path(KEY.digest), 0o644)
        with pytest.raises(CacheUnusable, match="run `chmod 600"):
            store.find(KEY)
        with pytest.raises(CacheUnusable, match="run `chmod 600"):
            store.save(entry_of())


class TestDamage:
    @pytest.mark.parametrize(
        "content", [b"", b"{", b"not json ghs_canary", b"[]", b"{}", dump(entry_of())[:-9], b"\xff\0"]
    )
    def test_a_damaged_entry_is_a_miss_and_set_aside_when_replaced(self, content: bytes, store: Store) -> None:
        path = put(store, content)
        assert store.find(KEY) is None
        assert path.read_bytes() == content, "finding changes nothing"
        seen = store.save(entry_of())
        assert store.find(KEY) == (entry_of(), seen)
        assert path.with_name(f"{path.name}.broken").read_bytes() == content

    def test_a_sound_entry_is_not_set_aside(self, store: Store, cache: Path) -> None:
        store.save(entry_of(generation=1))
        store.save(entry_of(generation=2))
        assert os.listdir(cache / "entries") == [f"{KEY.digest}.json"]

    def test_a_newer_programs_entry_is_a_miss_and_left_alone(self, store: Store, cache: Path) -> None:
        content = json.dumps({"schema": 2, "secret": "ghs_canary"}).encode()
        path = put(store, content)
        assert store.find(KEY) is None
        with pytest.raises(CacheUnusable, match="newer keywright; upgrade this one") as raised:
            store.save(entry_of())
        assert str(path) in str(raised.value)
        assert "canary" not in str(raised.value)
        assert path.read_bytes() == content
        assert os.listdir(cache / "entries") == [path.name]


# --- the lock -------------------------------------------------------------------------------------------------------

HOLDER = """\
import sys
from keywright.cache.store import Store
with Store(sys.argv[1]).lock(sys.argv[2], 30) as is_locked:
    print(is_locked, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(cache: Path, digest: str = KEY.digest) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until its standard input is closed."""
    command = [sys.executable, "-I", "-c", HOLDER, str(cache), digest]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "True\n"
            yield process
        finally:
            process.kill()
            process.wait(WAIT_S)


@pytest.mark.real_clock
@pytest.mark.timeout(120)
class TestLock:
    def is_free(self, store: Store, digest: str = KEY.digest) -> bool:
        with store.lock(digest, 0) as is_locked:
            return is_locked

    def test_a_free_lock_is_taken_and_given_back(self, store: Store) -> None:
        for _ in range(3):
            assert self.is_free(store)

    def test_it_excludes_other_processes(self, store: Store, cache: Path) -> None:
        with holder(cache) as process:
            assert not self.is_free(store)
            with store.lock(KEY.digest, 0.2) as is_locked:
                assert not is_locked
            process.communicate(timeout=WAIT_S)
            assert self.is_free(store)

    def test_it_excludes_this_process_too(self, cache: Path, store: Store) -> None:
        with store.lock(KEY.digest, 0) as is_locked:
            assert is_locked
            assert not self.is_free(Store(str(cache)))
        assert self.is_free(Store(str(cache)))

    def test_each_entry_has_its_own(self, store: Store, cache: Path) -> None:
        with holder(cache):
            assert self.is_free(store, OTHER.digest)

    def test_who_waits_long_enough_gets_it(self, store: Store, cache: Path) -> None:
        with holder(cache) as process:
            assert process.stdin
            process.stdin.close()
            with store.lock(KEY.digest, WAIT_S) as is_locked:
                assert is_locked

    def test_it_is_free_at_once_when_its_holder_is_killed(self, store: Store, cache: Path) -> None:
        with holder(cache) as process:
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT_S)
            assert self.is_free(store)

    def test_it_stays_taken_while_its_holder_is_stopped(self, store: Store, cache: Path) -> None:
        with holder(cache) as process:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            assert not self.is_free(store)
            with store.lock(KEY.digest, 0.2) as is_locked:
                assert not is_locked
            process.send_signal(signal.SIGCONT)

    def test_an_error_inside_gives_it_back(self, store: Store) -> None:
        with pytest.raises(KeyError), store.lock(KEY.digest, 0):
            raise KeyError
        assert self.is_free(store)

    def test_its_file_lies_beside_the_entry_and_is_never_another(self, store: Store, cache: Path) -> None:
        path = cache / f"entries/{KEY.digest}.lock"
        assert self.is_free(store)
        before = path.stat().st_ino
        assert path.stat().st_mode == 0o100600
        with holder(cache):
            assert path.stat().st_ino == before
        assert self.is_free(store)
        store.save(entry_of())
        store.forget(KEY.digest)
        assert path.stat().st_ino == before

    def test_where_nothing_can_be_locked_that_is_said(self, store: Store, cache: Path) -> None:
        (cache / f"entries/{KEY.digest}.lock").mkdir()
        with pytest.raises(CacheUnusable, match="cannot be locked") as raised, store.lock(KEY.digest, 0):
            pytest.fail("the block ran")
        assert f"{cache}/entries" in str(raised.value)
        assert "set KEYWRIGHT_HOME" in str(raised.value)

    def test_a_link_in_its_place_is_not_followed(self, store: Store, cache: Path, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        (cache / f"entries/{KEY.digest}.lock").symlink_to(victim)
        with pytest.raises(CacheUnusable, match="cannot be locked"), store.lock(KEY.digest, 0):
            pytest.fail("the block ran")
        assert not victim.exists()
