"""The hit path: what makes two questions one, where answers lie, and which of them may be used."""

import gc
import itertools
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import platformdirs.macos
import platformdirs.unix
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright import hit
from keywright.cache.answers import Answer, render

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()
GIT, DOCKER, KUBE = "git-credential-keywright", "docker-credential-keywright", "kube-credential-keywright"
PLACE = b"protocol=https\nhost=github.com\n"


def ask(name: str = GIT, args: tuple[str, ...] = ("get",), stdin: bytes | None = PLACE, **env: str) -> str:
    return hit.question(name, list(args), {"HOME": "/home/me", **env}, stdin)


# --- the question ---------------------------------------------------------------------------------------------------

# Few characters, and those of the framing itself, so that examples collide wherever they can.
WORDS = st.text(st.sampled_from("a=1\n"), max_size=3)
LISTED = ["AWS_A", "AWS_PROFILE", "KEYWRIGHT_", "KEYWRIGHT_X", "KUBERNETES_EXEC_INFO"]
UNLISTED = ["PATH", "AWS", "aws_profile", "KEYWRIGHT", "GIT_DIR", "XAWS_A", "KEYWRIGHT_TRACE"]
QUESTIONS = st.tuples(
    st.sampled_from([GIT, DOCKER, KUBE, "keywright"]),
    st.lists(WORDS | st.sampled_from(["AWS_A=1", "AWS_A=", "KEYWRIGHT_X=a"]), max_size=3),
    st.dictionaries(st.sampled_from(LISTED + UNLISTED), WORDS, max_size=3),
    st.none()
    | st.lists(st.sampled_from([b"", b"\0", b"\0\0", b"a=1", b"wwwauth[]=x", b"wwwauth[]", b"\xff"])).map(b"\n".join),
)
Question = tuple[str, list[str], dict[str, str], bytes | None]


def meaning(question: Question) -> object:
    """Return what the digest has to tell apart."""
    name, args, env, stdin = question
    lines = (stdin or b"").split(b"\n")
    if name == GIT:
        lines = [line for line in lines if not line.startswith(b"wwwauth[]=")]
    return name, args, {key: value for key, value in env.items() if key in LISTED}, b"\n".join(lines)


@given(QUESTIONS, QUESTIONS)
def test_two_questions_share_a_digest_only_if_they_mean_the_same(one: Question, other: Question) -> None:
    assert (hit.question(*one) == hit.question(*other)) == (meaning(one) == meaning(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((GIT, ["AWS_A=1"], {}, b""), (GIT, [], {"AWS_A": "1"}, b"")),
        ((GIT, ["a", ""], {}, b""), (GIT, ["a"], {}, b"\0")),
        ((GIT, [], {}, b"AWS_A=1\0\0"), (GIT, [], {"AWS_A": "1"}, b"")),
        ((GIT, ["1", "2"], {}, b""), (GIT, ["1 2"], {}, b"")),
        ((GIT, ["get"], {}, b"a=1\n"), (GIT, ["get"], {}, b"a=1")),
    ],
)
def test_what_only_looks_the_same_is_another_question(one: Question, other: Question) -> None:
    assert hit.question(*one) != hit.question(*other)


@given(QUESTIONS, st.permutations(LISTED))
def test_the_order_of_the_environment_does_not_count(question: Question, order: list[str]) -> None:
    name, args, env, stdin = question
    turned = {key: env[key] for key in sorted(env, key=[*order, *UNLISTED].index)}
    assert hit.question(name, args, turned, stdin) == hit.question(*question)


def test_a_digest_is_the_name_of_a_file() -> None:
    assert len(ask()) == 64
    assert set(ask()) <= set("0123456789abcdef")


@pytest.mark.parametrize("name", sorted({*hit.VARIABLES, *hit.PATHS, "AWS_NEW_TOMORROW", "KEYWRIGHT_NEW_TOMORROW"}))
def test_each_listed_variable_is_part_of_the_question(name: str) -> None:
    env = {"HOME": "/home/me"}
    digests = [
        hit.question(GIT, ["get"], env, PLACE),
        hit.question(GIT, ["get"], {**env, name: ""}, PLACE),
        hit.question(GIT, ["get"], {**env, name: "/one"}, PLACE),
        hit.question(GIT, ["get"], {**env, name: "/other"}, PLACE),
    ]
    assert "" not in digests
    assert len(set(digests)) == 4


@pytest.mark.parametrize("name", sorted(hit.PATHS))
@pytest.mark.parametrize("value", ["relative", "./x", "../x", "~/x", " /x", ".", "C:\\x"])
def test_a_relative_path_is_never_answered(name: str, value: str) -> None:
    assert hit.question(GIT, ["get"], {"HOME": "/home/me", name: value}, PLACE) == ""


def test_every_path_variable_is_part_of_the_question() -> None:
    assert all(name in hit.VARIABLES or name.startswith(hit.PREFIXES) for name in hit.PATHS)


def test_values_that_are_no_utf8_are_told_apart() -> None:
    digests = {ask(AWS_PROFILE="\udcff"), ask(AWS_PROFILE="\udcfe"), ask(args=("\udcff",)), ask(AWS_PROFILE="\u00ff")}
    assert "" not in digests
    assert len(digests) == 4


@pytest.mark.parametrize(
    "line",
    [
        b"password=hunter2",
        b"password=",
        b"credential=abc",
        b"state[]=keywright.seen=1",
        b"state[]=",
        b"oauth_refresh_token=x",
    ],
)
@pytest.mark.parametrize("verb", ["get", "erase"])
def test_a_request_that_carries_a_secret_or_state_is_never_answered(line: bytes, verb: str) -> None:
    assert ask(args=(verb,), stdin=PLACE + line + b"\n") == ""
    assert ask(args=(verb,), stdin=line + b"\n" + PLACE) == ""
    assert ask(args=(verb,), stdin=line) == ""


def test_the_nonces_of_servers_do_not_count() -> None:
    plain = ask(stdin=PLACE + b"\n")
    assert ask(stdin=PLACE + b"wwwauth[]=Negotiate\nwwwauth[]=Basic realm=1\n\n") == plain
    assert ask(stdin=b"wwwauth[]=Digest nonce=2\n" + PLACE + b"\n") == plain
    assert ask(stdin=PLACE + b"path=wwwauth[]=\n\n") != plain
    assert ask(stdin=PLACE + b"wwwauth=x\n\n") != plain


def test_to_docker_such_a_line_is_a_part_of_the_host() -> None:
    assert ask(DOCKER, stdin=b"ghcr.io\nwwwauth[]=.evil") != ask(DOCKER, stdin=b"ghcr.io\n")


class TestStore:
    """git hands back what it was given, with more lines and in an order of its own."""

    ISSUED = PLACE + b"username=x-access-token\npassword=ghs_1\n"

    def test_the_order_and_what_git_adds_do_not_count(self) -> None:
        digest = ask(args=("store",), stdin=self.ISSUED)
        assert digest
        for lines in itertools.permutations(self.ISSUED.splitlines(keepends=True)):
            added = b"capability[]=authtype\n" + b"".join(lines) + b"password_expiry_utc=1900000000\nwwwauth[]=Basic\n"
            assert ask(args=("store",), stdin=added + b"\n") == digest

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            (b"ghs_1", b"ghs_2"),
            (b"ghs_1", b"ghs_1 "),
            (b"ghs_1", b""),
            (b"x-access-token", b"alice"),
            (b"https", b"http"),
            (b"github.com", b"github.com.evil"),
            (b"host=", b"path=acme\nhost="),
            (b"password=ghs_1", b"credential=ghs_1"),
            (b"username=x-access-token\n", b""),
        ],
    )
    def test_another_place_or_credential_is_another_question(self, ours: bytes, theirs: bytes) -> None:
        changed = self.ISSUED.replace(ours, theirs)
        assert changed != self.ISSUED
        assert ask(args=("store",), stdin=changed) != ask(args=("store",), stdin=self.ISSUED)

    def test_another_bearer_token_is_another_question(self) -> None:
        issued = PLACE + b"authtype=Bearer\ncredential=one\n"
        assert ask(args=("store",), stdin=issued) != ask(args=("store",), stdin=issued.replace(b"one", b"two"))

    def test_it_is_not_the_question_it_answered(self) -> None:
        assert ask(args=("store",), stdin=PLACE) != ask(args=("get",), stdin=PLACE)

    def test_dockers_own_is_never_answered_from_it(self) -> None:
        assert ask(DOCKER, args=("store",), stdin=self.ISSUED) == ""


# --- the folders ----------------------------------------------------------------------------------------------------

HOMES = [None, "", "/home/me", "/home/me/", "/", "//", "relative", " /x", "/with space", "/zürich", "/\udcff"]
XDG = [None, "", " ", "/x", "/x/", "/x//", "/x ", "\t/x", "relative", "./x", "~/x", "/", "/x/../y"]
DIRS = {"linux": platformdirs.unix.Unix, "darwin": platformdirs.macos.MacOS}


@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
@pytest.mark.parametrize("platform", sorted(DIRS))
def test_a_folder_is_where_platformdirs_puts_it(kind: str, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = 0
    variable = f"XDG_{kind.upper()}_HOME"
    monkeypatch.setattr(sys, "platform", platform)
    for home, base in itertools.product(HOMES, XDG):
        env = {name: value for name, value in (("HOME", home), (variable, base)) if value is not None}
        found = hit.folder_of(kind, env)
        if not found:
            continue
        answered += 1
        for name, value in (("HOME", home), (variable, base)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        assert found == getattr(DIRS[platform]("keywright", appauthor=False), f"user_{kind}_dir"), env
    assert answered >= 14


@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
@pytest.mark.parametrize(
    ("platform", "env"),
    [
        ("linux", {}),
        ("linux", {"HOME": ""}),
        ("linux", {"HOME": "relative"}),
        ("linux", {"HOME": "/home/me", "XDG": "relative"}),
        ("linux", {"HOME": "/home/me", "XDG": " /x"}),
        ("darwin", {"HOME": "/Users/me", "XDG": "/x"}),
        ("darwin", {}),
        ("win32", {"HOME": "/home/me"}),
        ("freebsd14", {"HOME": "/home/me"}),
    ],
)
def test_what_takes_more_to_know_is_left_to_platformdirs(
    kind: str, platform: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    given_env = {name.replace("XDG", f"XDG_{kind.upper()}_HOME"): value for name, value in env.items()}
    assert hit.folder_of(kind, given_env) == ""


def test_another_kinds_variable_does_not_count() -> None:
    assert hit.folder_of("cache", {"HOME": "/home/me", "XDG_CONFIG_HOME": "/x"}) == "/home/me/.cache/keywright"


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_one_variable_puts_all_four_under_itself(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    env = {"KEYWRIGHT_HOME": "/kw", "HOME": "/home/me", "XDG_CACHE_HOME": "/x"}
    assert [hit.folder_of(kind, env) for kind in ("config", "data", "state", "cache")] == [
        "/kw",
        "/kw/data",
        "/kw/state",
        "/kw/cache",
    ]


# --- the stamp of a file --------------------------------------------------------------------------------------------


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def replace_by_a_twin(path: Path) -> None:
    found = path.stat()
    twin = path.with_name("twin")
    twin.write_bytes(path.read_bytes())
    os.utime(twin, ns=(found.st_atime_ns, found.st_mtime_ns))
    twin.replace(path)


def change_in_place(path: Path) -> None:
    """Write other bytes of the same length, and put the mtime back as a careful liar would."""
    found = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def retarget(path: Path) -> None:
    other = path.with_name("elsewhere")
    other.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(other)


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda path: path.write_bytes(b"something else"),
    "content of the same length and mtime": change_in_place,
    "emptied": lambda path: path.write_bytes(b""),
    "mtime": lambda path: os.utime(path, ns=(0, 1)),
    "mtime by a nanosecond": lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)),
    "permissions": lambda path: path.chmod(0o400),
    "replaced by its twin": replace_by_a_twin,
    "replaced by a link to its twin": retarget,
    "deleted": lambda path: path.unlink(),
    "unreadable": loop,
    "a folder in its place": become_a_folder,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose every stamp is past: what follows has another ctime, whatever the clock's tick."""
    path = tmp_path / "input"
    path.write_bytes(b"the content")
    path.chmod(0o600)
    settle(path)
    return path


def settle(path: Path) -> None:
    """Wait until the file system's clock has ticked since the file changed."""
    probe = path.with_name("probe")
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            return


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_stamp_tells_every_change(change: Callable[[Path], object], file: Path) -> None:
    before = hit.stamp(str(file))
    assert hit.stamp(str(file)) == before
    change(file)
    assert hit.stamp(str(file)) != before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/nowhere/at/all", "-"),
        ("", "-"),
        ("/dev/null/below a file", "-"),
        ("/\0", "!0"),
        ("/" + "x" * 300, "!36"),
        ("/\ud800", "!0"),
    ],
    ids=ascii,
)
def test_what_cannot_be_stamped_is_a_fact_too(path: str, expected: str) -> None:
    assert hit.stamp(path) == expected


def test_a_link_in_a_circle_is_unreadable(tmp_path: Path) -> None:
    loop(tmp_path / "loop")
    assert hit.stamp(str(tmp_path / "loop")) == "!40"


def test_each_fact_of_a_file_is_in_its_stamp() -> None:
    facts = {"st_dev": 1, "st_ino": 22, "st_size": 333, "st_mtime_ns": 4444, "st_ctime_ns": 55555}
    assert hit.stamp_of(cast("os.stat_result", SimpleNamespace(**facts))) == "1:22:333:4444:55555"


def test_the_stamp_of_an_open_file_is_that_of_its_name(file: Path) -> None:
    with file.open("rb") as opened:
        assert hit.stamp_of(os.fstat(opened.fileno())) == hit.stamp(str(file))


# --- finding an answer ----------------------------------------------------------------------------------------------

DIGEST = ask()
BODY = b"username=x-access-token\npassword=ghs_1\n\n\nwith more \0 bytes\xff"
ISSUED, REFRESH, EXPIRES = NOW - 600, NOW + 100, NOW + 200


class House:
    """A folder with one ready answer, made from one present and one absent file."""

    def __init__(self, root: Path, file: Path) -> None:
        self.folder = root / "answers"
        self.folder.mkdir(mode=0o700)
        self.path = self.folder / DIGEST
        self.file = file
        self.absent = root / "absent"
        self.content = self.render(self.answer())
        self.put(self.content)

    def answer(self, body: bytes = BODY) -> Answer:
        return Answer(
            exit_code=0,
            issued_at_s=ISSUED,
            refresh_at_s=REFRESH,
            expires_at_s=EXPIRES,
            entry="9e1b",
            generation=7,
            question="git get https://github.com",
            body=body,
        )

    def render(self, answer: Answer) -> bytes:
        return render(answer, {str(path): hit.stamp(str(path)) for path in (self.file, self.absent)})

    def put(self, content: bytes) -> None:
        self.path.unlink(missing_ok=True)
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)

    def find(self, now: float = NOW) -> tuple[dict[str, str], bytes] | None:
        return hit.find(str(self.folder), DIGEST, now)


@pytest.fixture
def house(tmp_path: Path, file: Path) -> House:
    return House(tmp_path, file)


def test_an_answer_is_found_byte_for_byte(house: House) -> None:
    found = house.find()
    assert found is not None
    facts, body = found
    assert body == BODY
    assert facts["exit"] == "0"
    assert (float(facts["issued"]), float(facts["refresh"]), float(facts["expires"])) == (ISSUED, REFRESH, EXPIRES)
    assert (facts["entry"], facts["generation"]) == ("9e1b", "7")
    assert facts["question"] == "git get https://github.com"


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n", b"\n\n\n\n", b"input - /x\n\n"])
def test_the_body_is_any_bytes(body: bytes, house: House) -> None:
    house.put(house.render(house.answer(body)))
    found = house.find()
    assert found is not None
    assert found[1] == body


@pytest.mark.parametrize(
    ("now", "is_found"),
    [
        (0.0, False),
        (ISSUED - 0.001, False),
        (ISSUED, True),
        (REFRESH - 0.001, True),
        (REFRESH, True),
        (EXPIRES - 0.001, True),
        (EXPIRES, False),
        (EXPIRES + 86400, False),
        (float("nan"), False),
    ],
)
def test_an_answer_is_used_from_its_issue_to_its_expiry(now: float, is_found: bool, house: House) -> None:
    assert (house.find(now) is not None) is is_found


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_input_ends_an_answer(change: Callable[[Path], object], house: House) -> None:
    change(house.file)
    assert house.find() is None


@pytest.mark.parametrize("appear", [Path.touch, Path.mkdir, loop], ids=["file", "folder", "loop"])
def test_an_input_that_appears_ends_an_answer(appear: Callable[[Path], object], house: House) -> None:
    appear(house.absent)
    assert house.find() is None


def test_an_input_that_becomes_readable_ends_an_answer(house: House) -> None:
    loop(house.absent)
    house.put(house.render(house.answer()))
    assert house.find() is not None
    house.absent.unlink()
    assert house.find() is None


class TestTheFolder:
    def test_it_may_be_missing(self, house: House) -> None:
        assert hit.find(f"{house.folder}.gone", DIGEST, NOW) is None

    def test_a_link_to_it_is_not_followed(self, house: House) -> None:
        link = house.folder.with_name("link")
        link.symlink_to(house.folder)
        assert hit.find(str(link), DIGEST, NOW) is None

    def test_a_file_in_its_place_is_none(self, house: House) -> None:
        assert hit.find(str(house.file), DIGEST, NOW) is None

    @pytest.mark.parametrize("mode", [0o701, 0o702, 0o704, 0o710, 0o720, 0o740, 0o755, 0o777, 0o1777])
    def test_a_loose_one_is_not_trusted(self, mode: int, house: House) -> None:
        house.folder.chmod(mode)
        assert house.find() is None

    def test_a_foreign_one_is_not_trusted(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        uid = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
        assert house.find() is None


def be_a_link(house: House) -> None:
    house.path.rename(house.path.with_name("target"))
    house.path.symlink_to("target")


def be_a_fifo(house: House) -> None:
    house.path.unlink()
    os.mkfifo(house.path, 0o600)


def be_a_folder(house: House) -> None:
    house.path.unlink()
    house.path.mkdir(mode=0o700)


def be_foreign(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the file is another user's: the folder is judged first."""
    uid = os.geteuid()
    answers = iter([uid, uid + 1])
    monkeypatch.setattr(os, "geteuid", lambda: next(answers))


@pytest.mark.timeout(30)
class TestTheFile:
    @pytest.mark.parametrize("be", [be_a_link, be_a_fifo, be_a_folder], ids=["link", "FIFO", "folder"])
    def test_what_is_no_plain_file_is_not_read(self, be: Callable[[House], None], house: House) -> None:
        be(house)
        assert house.find() is None

    def test_one_with_a_second_name_is_not_trusted(self, house: House) -> None:
        os.link(house.path, house.path.with_name("second"))
        assert house.find() is None

    def test_another_users_is_not_trusted(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        be_foreign(house, monkeypatch)
        assert house.find() is None

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o610, 0o601, 0o700, 0o400, 0o200, 0o4600])
    def test_one_of_any_other_mode_is_not_trusted(self, mode: int, house: House) -> None:
        house.path.chmod(mode)
        assert house.find() is None

    def test_one_that_is_cut_anywhere_is_not_used(self, house: House) -> None:
        for length in range(len(house.content)):
            house.put(house.content[:length])
            assert house.find() is None, length

    def test_one_that_is_longer_is_not_used(self, house: House) -> None:
        house.put(house.content + b"\0")
        assert house.find() is None

    def test_one_with_any_bit_turned_is_not_used(self, house: House) -> None:
        content = bytearray(house.content)
        with house.path.open("r+b", buffering=0) as file:
            for at, bit in itertools.product(range(len(content)), range(8)):
                file.seek(at)
                file.write(bytes([content[at] ^ 1 << bit]))
                assert house.find() is None, (at, bit)
                file.seek(at)
                file.write(content[at : at + 1])
        assert house.find() is not None

    def test_one_of_a_newer_format_is_left_alone(self, house: House) -> None:
        house.put(house.content.replace(b"keywright-answer 1\n", b"keywright-answer 2\n"))
        assert house.find() is None

    def test_one_that_is_too_large_is_not_read(self, house: House) -> None:
        largest = hit.ANSWER_LIMIT - len(house.render(house.answer(b"")))
        house.put(house.render(house.answer(b"x" * largest)))
        assert house.find() is not None
        house.put(house.render(house.answer(b"x" * (largest + 1))))
        assert house.find() is None

    @pytest.mark.parametrize("fact", ["exit", "issued", "refresh", "expires", "entry", "generation"])
    def test_one_that_lacks_a_fact_is_not_used(self, fact: str, house: House) -> None:
        rest = house.content.split(b"\n", 2)[2]
        rest = b"".join(line for line in rest.splitlines(keepends=True) if not line.startswith(fact.encode() + b" "))
        house.put(b"keywright-answer 1\nsha256 " + hit.sha256(rest).hexdigest().encode() + b"\n" + rest)
        assert house.find() is None

    @pytest.mark.parametrize(
        ("fact", "is_used"),
        [
            (b"exit 1", True),
            (b"exit -1", False),
            (b"exit 256", False),
            (b"exit no", False),
            (b"issued soon", False),
            (b"issued nan", False),
            (b"refresh later", False),
            (b"expires never", False),
            (b"expires nan", False),
            (b"something new", True),
        ],
    )
    def test_one_with_a_senseless_fact_is_not_used(self, fact: bytes, is_used: bool, house: House) -> None:
        head, _, body = house.content.split(b"\n", 2)[2].partition(b"\n\n")
        kept = [line for line in head.split(b"\n") if line.split()[0] != fact.split()[0]]
        rest = b"\n".join([*kept, fact]) + b"\n\n" + body
        house.put(b"keywright-answer 1\nsha256 " + hit.sha256(rest).hexdigest().encode() + b"\n" + rest)
        assert (house.find() is not None) is is_used

    @given(st.binary(max_size=200))
    def test_arbitrary_bytes_are_none(self, content: bytes) -> None:
        assert hit._parse(content, NOW) is None
        proven = b"keywright-answer 1\nsha256 " + hit.sha256(content).hexdigest().encode() + b"\n" + content
        try:
            assert hit._parse(proven, NOW) is None
        except (ValueError, KeyError):
            return  # as `find` takes them


def test_no_descriptor_is_left_open(house: House) -> None:
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    house.find()
    house.find(EXPIRES)
    be_a_link(house)
    house.find()
    house.folder.chmod(0o755)
    house.find()
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.real_clock
class TestAClockThatIsSetBack:
    def test_this_boot_is_known_and_stays_the_same(self) -> None:
        now = time.time()
        boot, _, since = hit.boot_mark(now).partition(" ")
        assert len(boot) == 36
        assert 0 < float(since) < now
        assert hit.boot_mark(now).partition(" ")[0] == boot

    @pytest.mark.parametrize(
        ("back_s", "is_noticed"), [(-3600, False), (0, False), (3, False), (6, True), (3600, True)]
    )
    def test_is_noticed_by_the_time_since_boot(self, back_s: float, is_noticed: bool) -> None:
        now = time.time()
        mark = hit.boot_mark(now)
        assert hit.has_stepped_back(mark, now - back_s) is is_noticed

    @pytest.mark.parametrize("mark", ["- 0", "another-boot 9e12"])
    def test_another_boot_and_an_unknown_one_prove_nothing(self, mark: str) -> None:
        assert not hit.has_stepped_back(mark, time.time() - 86400)


class TestWhatTheBundleSBootloaderPutIntoTheEnvironment:
    HOME = "/usr/lib/keywright/_internal"

    def test_the_caller_s_library_path_is_given_back(self) -> None:
        env = {"LD_LIBRARY_PATH": f"{self.HOME}:/opt/lib", "LD_LIBRARY_PATH_ORIG": "/opt/lib", "HOME": "/root"}
        hit.give_back(env, self.HOME)
        assert env == {"LD_LIBRARY_PATH": "/opt/lib", "HOME": "/root"}

    def test_where_there_was_none_there_is_none(self) -> None:
        env = {"LD_LIBRARY_PATH": self.HOME}
        hit.give_back(env, self.HOME)
        assert not env

    def test_an_original_path_that_another_frozen_program_left_behind_is_not_the_caller_s(self) -> None:
        """One that starts us without its own `LD_LIBRARY_PATH` may leave this: the bootloader does not touch it."""
        env = {"LD_LIBRARY_PATH": self.HOME, "LD_LIBRARY_PATH_ORIG": "/stale"}
        hit.give_back(env, self.HOME)
        assert env == {"LD_LIBRARY_PATH_ORIG": "/stale"}

    def test_its_own_notes_are_taken_out(self) -> None:
        env = {"_PYI_ARCHIVE_FILE": "/x", "_PYI_APPLICATION_HOME_DIR": "/y", "_PYIX": "kept"}
        hit.give_back(env, self.HOME)
        assert env == {"_PYIX": "kept"}

    def test_a_path_that_is_not_the_bootloader_s_is_left_alone(self) -> None:
        env = {"LD_LIBRARY_PATH": "/opt/lib"}
        hit.give_back(env, self.HOME)
        assert env == {"LD_LIBRARY_PATH": "/opt/lib"}


def test_a_frozen_program_runs_its_own_modules_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert hit.own("keywright.bin.renew") == ["keywright.bin.renew"]
