"""Ready answers are kept only where what decided them has settled, and go when their entry or their time does."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright import hit
from keywright.cache.answers import LONGEST_S, SETTLED_S, Answer, Answers, render
from keywright.errors import CacheUnusable

NOW_S = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()
DIGEST = "5c" * 32
BODY = b"username=x-access-token\npassword=ghs_1\n\nentry other\n"


class House:
    """A cache, an entry in it, and the files that decide its answers."""

    def __init__(self, root: Path) -> None:
        self.cache = root / "cache"
        self.answers = Answers(str(self.cache))
        self.folder = self.cache / "answers"
        self.entry = root / "entry.json"
        self.entry.write_bytes(b"{}")
        self.config = root / "config.toml"
        self.config.write_bytes(b"version = 1")
        self.absent = root / "absent"

    def answer(
        self, *, entry: str = "9e1b", body: bytes = BODY, question: str = "git get https://github.com"
    ) -> Answer:
        return Answer(
            exit_code=0,
            issued_at_s=NOW_S - 60.25,
            refresh_at_s=NOW_S + 2700,
            expires_at_s=NOW_S + 3570.5,
            entry=entry,
            entry_path=str(self.entry),
            entry_stamp=hit.stamp(str(self.entry)),
            generation=1700000000123456,
            question=question,
            inputs={str(path): hit.stamp(str(path)) for path in (self.config, self.absent)},
            body=body,
        )

    def keep(self, digest: str = DIGEST, **options: str) -> None:
        assert self.answers.keep(digest, self.answer(**options), NOW_S)  # type: ignore[arg-type]  # strings, all three

    def find(self, digest: str = DIGEST, now_s: float = NOW_S) -> tuple[dict[str, str], bytes] | None:
        return hit.find(str(self.folder), digest, now_s)

    def names(self) -> set[str]:
        return set(os.listdir(self.folder))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def changed_at_s(path: Path) -> float:
    found = path.stat()
    return max(found.st_mtime_ns, found.st_ctime_ns) / 1e9


def test_an_answer_that_is_kept_is_found_by_the_hit_path(house: House) -> None:
    house.keep()
    assert house.find() == (
        {
            "exit": "0",
            "issued": str(NOW_S - 60.25),
            "refresh": str(NOW_S + 2700),
            "expires": str(NOW_S + 3570.5),
            "boot": "- 0",
            "entry": "9e1b",
            "generation": "1700000000123456",
            "question": "git get https://github.com",
        },
        BODY,
    )


def test_the_file_is_of_the_documented_form(house: House) -> None:
    house.keep()
    documented = [line.split()[0] for line in (hit.__doc__ or "").splitlines() if line.startswith("    ")]
    content = (house.folder / DIGEST).read_bytes()
    head, _, body = content.partition(b"\n\n")
    lines = head.decode().split("\n")
    facts = documented[: documented.index("(an")]
    assert [line.split()[0] for line in lines] == [*facts, "input"]  # the entry is an input too
    assert lines[0] == hit.FORMAT
    assert lines[1] == "sha256 " + hit.sha256(content.split(b"\n", 2)[2]).hexdigest()
    assert lines[-3:] == [
        f"input {hit.stamp(str(house.config))} {house.config}",
        f"input - {house.absent}",
        f"input {hit.stamp(str(house.entry))} {house.entry}",
    ]
    assert body == BODY


def test_the_file_is_private_and_its_mtime_is_its_expiry(house: House) -> None:
    house.keep()
    found = (house.folder / DIGEST).stat()
    assert (found.st_mode, found.st_mtime) == (0o100600, NOW_S + 3570.5)
    assert house.names() == {DIGEST}


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"), max_size=8)


@given(
    st.integers(0, 255), st.floats(1, 1e6), st.binary(), TEXTS, st.sampled_from(["/no where", "/\udcff", "/zürich "])
)
def test_whatever_is_rendered_is_read_back(code: int, life_s: float, body: bytes, question: str, path: str) -> None:
    answer = Answer(
        exit_code=code,
        issued_at_s=NOW_S - life_s,
        refresh_at_s=NOW_S,
        expires_at_s=NOW_S + life_s,
        question=question,
        body=body,
    )
    found = hit._parse(render(answer, {path: "-"}), NOW_S)
    assert found is not None
    facts, read = found
    assert read == body
    assert (facts["exit"], facts["question"], facts["entry"]) == (str(code), question, "-")
    assert (float(facts["issued"]), float(facts["expires"])) == (answer.issued_at_s, answer.expires_at_s)


class TestWhatIsNotKept:
    def test_an_input_that_changed_meanwhile(self, house: House) -> None:
        answer = house.answer()
        house.config.write_bytes(b"version = 1\n")
        assert not house.answers.keep(DIGEST, answer, NOW_S)
        assert house.names() == set()

    def test_an_input_that_appeared_meanwhile(self, house: House) -> None:
        answer = house.answer()
        house.absent.touch()
        assert not house.answers.keep(DIGEST, answer, NOW_S)
        assert house.names() == set()

    def test_an_input_that_has_not_settled(self, house: House) -> None:
        changed_s = changed_at_s(house.config)
        answer = house.answer()._replace(issued_at_s=0.0)
        for age_s, is_kept in ((0.0, False), (SETTLED_S - 0.001, False), (SETTLED_S + 0.001, True), (-3600.0, False)):
            assert house.answers.keep(DIGEST, answer, changed_s + age_s) is is_kept
            assert (house.names() == {DIGEST}) is is_kept
            house.answers.forget("9e1b")

    @pytest.mark.parametrize("mtime_s", [NOW_S - SETTLED_S / 2, NOW_S + 3600])
    def test_an_input_whose_mtime_says_so_though_its_ctime_does_not(self, mtime_s: float, house: House) -> None:
        os.utime(house.config, (mtime_s, mtime_s))
        assert not house.answers.keep(DIGEST, house.answer(), NOW_S)

    def test_an_input_that_only_seems_old(self, house: House) -> None:
        os.utime(house.config, (1, 1))
        assert not house.answers.keep(DIGEST, house.answer(), changed_at_s(house.config))

    @pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"{ }"), Path.unlink], ids=["renewed", "gone"])
    def test_an_entry_that_changed_meanwhile(self, change: Callable[[Path], object], house: House) -> None:
        answer = house.answer()
        change(house.entry)
        assert not house.answers.keep(DIGEST, answer, NOW_S)
        assert house.names() == set()

    def test_an_input_whose_name_would_be_two_lines(self, house: House) -> None:
        path = house.config.with_name("two\nlines")
        path.touch()
        inputs = {str(path): hit.stamp(str(path))}
        assert not house.answers.keep(DIGEST, house.answer()._replace(inputs=inputs), NOW_S)
        house.entry = path
        assert not house.answers.keep(DIGEST, house.answer(), NOW_S)
        assert house.names() == set()

    def test_an_answer_in_a_cache_that_cannot_be_written(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_arguments: object, **_names: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", fail)
        with pytest.raises(CacheUnusable, match=r"\(ENOSPC\); free some disk space"):
            house.answers.keep(DIGEST, house.answer(), NOW_S)
        monkeypatch.undo()
        assert house.names() == set()


def test_an_entry_may_be_as_young_as_it_likes(house: House) -> None:
    answer = house.answer()._replace(issued_at_s=0.0, inputs={})
    assert house.answers.keep(DIGEST, answer, changed_at_s(house.entry))


def test_a_file_that_cannot_be_read_is_a_fact_like_any_other(house: House) -> None:
    house.absent.symlink_to(house.absent)
    house.keep()
    assert house.find() is not None
    house.absent.unlink()
    assert house.find() is None


def test_not_mine_hangs_on_no_entry(house: House) -> None:
    answer = Answer(exit_code=1, issued_at_s=NOW_S, refresh_at_s=NOW_S + 9, expires_at_s=NOW_S + 9, body=b"not mine\n")
    assert house.answers.keep(DIGEST, answer, NOW_S)
    house.entry.unlink()
    house.answers.forget("9e1b")
    found = house.find()
    assert found is not None
    assert (found[0]["exit"], found[0]["entry"], found[1]) == ("1", "-", b"not mine\n")


class TestForget:
    def test_it_deletes_all_that_was_made_from_the_entry_and_nothing_else(self, house: House) -> None:
        house.keep("a", entry="one")
        house.keep("b", entry="one")
        house.keep("c", entry="on")
        house.keep("d", entry="one1")
        house.keep("e", entry="other")
        house.answers.forget("one")
        assert house.names() == {"c", "d", "e"}

    def test_what_a_body_says_is_not_a_fact(self, house: House) -> None:
        house.keep("a", entry="one")  # its body holds the line `entry other`
        house.answers.forget("other")
        assert house.names() == {"a"}

    def test_what_is_no_answer_stays(self, house: House) -> None:
        (house.folder / "folder").mkdir()
        (house.folder / "loose").write_bytes(b"\nentry one\n")
        (house.folder / "link").symlink_to(house.config)
        house.keep("a", entry="one")
        house.answers.forget("one")
        assert house.names() == {"folder", "loose", "link"}

    def test_it_says_when_one_cannot_be_deleted(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_arguments: object, **_names: object) -> None:
            raise OSError(30, "Read-only file system")

        house.keep(entry="one")
        monkeypatch.setattr(os, "unlink", fail)
        with pytest.raises(CacheUnusable, match="cannot be deleted"):
            house.answers.forget("one")


def test_questions_are_those_of_the_entry_in_words(house: House) -> None:
    house.keep("a", entry="one", question="git get https://github.com/acme")
    house.keep("b", entry="one", question="docker get ghcr.io")
    house.keep("c", entry="other", question="kube get prod")
    assert house.answers.questions("one") == ["docker get ghcr.io", "git get https://github.com/acme"]
    assert house.answers.questions("none") == []


class TestSweep:
    @pytest.mark.parametrize(
        ("name", "age_s", "stays"),
        [
            ("answer", -1.0, True),
            ("answer", 0.0, True),
            ("answer", 0.5, False),
            ("answer", 86400.0, False),
            ("answer.asked", 0.5, True),
            ("answer.asked", LONGEST_S, True),
            ("answer.asked", LONGEST_S + 1, False),
            ("answer.99.tmp", 3600.0, True),
            ("answer.99.tmp", LONGEST_S + 1, False),
        ],
    )
    def test_what_has_expired_goes(self, name: str, age_s: float, stays: bool, house: House) -> None:
        path = house.folder / name
        path.touch()
        os.utime(path, (NOW_S - age_s, NOW_S - age_s))
        house.answers.sweep(NOW_S)
        assert path.exists() is stays

    def test_an_answer_stays_as_long_as_it_is_used(self, house: House) -> None:
        house.keep()
        expires_s = NOW_S + 3570.5
        house.answers.sweep(expires_s - 0.5)
        assert house.find(now_s=expires_s - 0.5) is not None
        house.answers.sweep(expires_s + 0.5)
        assert house.names() == set()


def test_a_brake_holds_until_then_or_until_it_is_released(house: House) -> None:
    house.answers.brake("one", NOW_S + 300)
    assert not hit.claim(str(house.cache), "one", NOW_S, 30)
    house.answers.release("one")
    house.answers.release("one")
    assert hit.claim(str(house.cache), "one", NOW_S, 30)


@pytest.mark.parametrize("name", ["", "answers", "renew"])
def test_a_loose_folder_is_refused(name: str, house: House) -> None:
    (house.cache / name).chmod(0o755)
    with pytest.raises(CacheUnusable, match="run `chmod 700"):
        Answers(str(house.cache))
