"""What lies on disk: an answer that may be trusted, and the brakes, are the same to hit.py and to the launcher."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from binaries.launcher.built import Found, Parts, found_by_hit
from binaries.launcher.kept import BODY, NOW, Cache, content, facts
from binaries.launcher.vectors import QUESTIONS
from keywright import hit


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A good answer, of one file and one that is absent."""
    cache = Cache(tmp_path / "cache", QUESTIONS[0].digest)
    cache.put(content(facts(), cache.inputs))
    return cache


def found(cache: Cache, parts: Parts) -> Found | None:
    """Return what both find."""
    by_launcher = parts.find(cache.path, cache.digest, NOW)
    assert by_launcher == found_by_hit(hit.find(str(cache.folder), cache.digest, NOW), NOW)
    return by_launcher


def test_an_answer_is_found_byte_for_byte(cache: Cache, parts: Parts) -> None:
    assert found(cache, parts) == Found(0, False, "9e1b", "7", BODY)


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def chmod(what: str, mode: int) -> Callable[[Cache], object]:
    def change(cache: Cache) -> None:
        path: Path = getattr(cache, what)
        path.chmod(mode)

    return change


def file_the_folder(cache: Cache) -> None:
    cache.folder.rename(cache.path / "gone")
    cache.folder.touch(0o700)


def link_the_folder(cache: Cache) -> None:
    cache.folder.rename(cache.path / "elsewhere")
    cache.folder.symlink_to("elsewhere")


def link_the_answer(cache: Cache) -> None:
    cache.answer.rename(cache.folder / "target")
    cache.answer.symlink_to("target")


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def be_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def replace_by_a_twin(path: Path) -> None:
    seen = path.stat()
    twin = path.with_name("twin")
    twin.write_bytes(path.read_bytes())
    os.utime(twin, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    twin.replace(path)


CHANGES: dict[str, Callable[[Cache], object]] = {
    "no folder": lambda cache: cache.folder.rename(cache.path / "gone"),
    "a link to the folder": link_the_folder,
    "a file in the folder's place": file_the_folder,
    **{f"a folder of mode {mode:o}": chmod("folder", mode) for mode in (0o701, 0o710, 0o777)},
    "no answer": lambda cache: cache.answer.unlink(),
    "a link to the answer": link_the_answer,
    "a FIFO": lambda cache: be_a_fifo(cache.answer),
    "a folder in the answer's place": lambda cache: be_a_folder(cache.answer),
    "a second name": lambda cache: os.link(cache.answer, cache.folder / "second"),
    **{
        f"an answer of mode {mode:o}": chmod("answer", mode)
        for mode in (0o644, 0o640, 0o601, 0o700, 0o400, 0o200, 0o4600, 0o1600)
    },
    "an empty answer": lambda cache: cache.put(b""),
    "an answer that is too large": lambda cache: cache.put(content(facts(), body=b"x" * hit.ANSWER_LIMIT)),
    "the input's content": lambda cache: cache.input.write_bytes(b"another one"),
    "the input's mtime": lambda cache: os.utime(cache.input, ns=(0, cache.input.stat().st_mtime_ns + 1)),
    "the input's mode": lambda cache: cache.input.chmod(0o400),
    "the input's inode": lambda cache: replace_by_a_twin(cache.input),
    "an input that is gone": lambda cache: cache.input.unlink(),
    "an input that cannot be read": lambda cache: loop(cache.input),
    "a folder in the input's place": lambda cache: be_a_folder(cache.input),
    "an input that appeared": lambda cache: cache.absent.touch(),
    "an input that appeared and cannot be read": lambda cache: loop(cache.absent),
}
if os.geteuid() == 0:  # nobody else can give a file away
    CHANGES["another user's folder"] = lambda cache: os.chown(cache.folder, 1, -1)
    CHANGES["another user's answer"] = lambda cache: os.chown(cache.answer, 1, -1)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_may_not_be_trusted_is_not_used(change: Callable[[Cache], object], cache: Cache, parts: Parts) -> None:
    assert found(cache, parts) is not None
    change(cache)
    assert found(cache, parts) is None


def test_the_largest_answer_is_used(cache: Cache, parts: Parts) -> None:
    room = hit.ANSWER_LIMIT - len(content(facts(), body=b""))
    cache.put(content(facts(), body=b"x" * room))
    answer = found(cache, parts)
    assert answer is not None
    assert len(answer.body) == room


def test_a_group_may_be_any(cache: Cache, parts: Parts) -> None:
    os.chown(cache.answer, -1, os.getgroups()[0] if os.getgroups() else os.getegid())
    assert found(cache, parts) is not None


@pytest.mark.parametrize("ns", [0, 1, -1, 10**9, -(10**9) - 1, 4 * 10**18])
def test_a_stamp_of_any_time_is_pythons(ns: int, tmp_path: Path, parts: Parts) -> None:
    file = tmp_path / "file"
    file.touch()
    os.utime(file, ns=(0, ns))
    assert parts.stamp(bytes(file)) == hit.stamp(str(file))


# --- the brakes -----------------------------------------------------------------------------------------------------


def hold(until_s: float) -> Callable[[Path], None]:
    """Return what leaves a brake that holds until then."""

    def leave(brake: Path) -> None:
        brake.touch()
        os.utime(brake, (until_s, until_s))

    return leave


BRAKES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "none": (lambda _brake: None, True),
    "one that is over": (hold(NOW - 1), True),
    "one that is just over": (hold(NOW), True),
    "one that holds": (hold(NOW + 0.5), False),
    "one that holds for long": (hold(NOW + 7199), False),
    "one that holds too long to be true": (hold(NOW + 7200), True),
    "a link": (lambda brake: brake.symlink_to("elsewhere"), False),
    "a folder": (lambda brake: brake.mkdir(), False),
    "a link to the lock": (lambda brake: Path(f"{brake}.lock").symlink_to("elsewhere"), False),
}


def claim(who: str, parts: Parts, cache: Cache, now: float, name: str = "entry") -> bool:
    if who == "hit.py":
        return hit.claim(str(cache.path), name, now, 30)
    return parts.claim(cache.path, name, now, 30)


@pytest.mark.parametrize("who", [("hit.py", "the launcher"), ("the launcher", "hit.py")], ids=" before ".join)
@pytest.mark.parametrize(("leave", "is_taken"), BRAKES.values(), ids=BRAKES)
def test_a_brake_is_one_for_both(
    who: tuple[str, str], leave: Callable[[Path], object], is_taken: bool, cache: Cache, parts: Parts
) -> None:
    first, second = who
    leave(cache.path / "renew" / "entry")
    assert claim(first, parts, cache, NOW) is is_taken
    if is_taken:
        assert not claim(second, parts, cache, NOW + 29)
        assert claim(second, parts, cache, NOW + 30)


@pytest.mark.parametrize("now", [NOW, NOW + 0.123456789, NOW + 0.1, NOW + 1 / 3])
def test_a_brake_is_set_to_the_nanosecond_that_python_would_set(now: float, cache: Cache, parts: Parts) -> None:
    assert claim("the launcher", parts, cache, now, "one")
    assert claim("hit.py", parts, cache, now, "other")
    one, other = ((cache.path / "renew" / name).stat() for name in ("one", "other"))
    assert one.st_mtime_ns == other.st_mtime_ns
    assert one.st_mode == other.st_mode == 0o100600


def test_who_comes_while_another_looks_has_lost(cache: Cache, parts: Parts) -> None:
    with (cache.path / "renew" / "entry.lock").open("w") as lock:
        os.lockf(lock.fileno(), os.F_TLOCK, 0)
        assert not claim("the launcher", parts, cache, NOW)
    assert claim("the launcher", parts, cache, NOW)
