"""What is due: a table, and then what the table cannot say."""

import os
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import pytest

from fakes.agents import START
from fakes.kept import grant, profile, token
from fakes.own_vault import OwnVault
from keywright.errors import KeywrightError, Unavailable, VaultLocked
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile
from keywright.refresher.due import Dated, Known, Target, of_settings
from keywright.refresher.watch import Watch
from keywright.request import Client, Request, Verb
from keywright.settings.load import load
from keywright.settings.model import KeptOptions, Profile
from unit.refresher.conftest import ACME, SPARE, House, route, table

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
ECR = '[profiles."aws-ecr:build"]\naws_profile = "build"\n'
CODECOMMIT = '[profiles."aws-codecommit:build"]\naws_profile = "build"\n'
EKS = '[profiles."aws-eks:prod"]\ncluster = "prod"\nregion = "eu-central-1"\n'
STATIC = '[profiles."static:forge"]\nurl = "https://git.example"\nsecret = "env://TOKEN"\n'
ECR_HOST = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
REPOSITORY = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/app"


def place(client: str, url: str, *profiles: str) -> str:
    named = ", ".join(f'"{one}"' for one in profiles)
    return f'[[routes]]\nclient = "{client}"\nurl = "{url}"\nprofiles = [{named}]\n'


@dataclass(frozen=True)
class Row:
    """An hour's credential of acme, minted at the start; what is due at `at`."""

    name: str
    at: timedelta
    is_due: bool
    settings: tuple[str, ...] = (table(ACME),)


ROWS = (
    Row("just minted", timedelta(0), is_due=False),
    Row("fresh", 40 * MINUTE, is_due=False),
    Row("stale: a quarter is left", 46 * MINUTE, is_due=True),
    Row("expired, a minute from its end", HOUR - timedelta(seconds=20), is_due=True),
    Row("expired long ago, and of the settings", 3 * DAY, is_due=True),
    Row("the clock reads earlier than the issue", -MINUTE, is_due=True),
    Row("the settings renew it sooner now", 30 * MINUTE, is_due=True, settings=(table(ACME, 'renew_before = "40m"'),)),
    Row("the settings renew it later now", 50 * MINUTE, is_due=False, settings=(table(ACME, 'renew_before = "5m"'),)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_entry_is_due(house: House, row: Row) -> None:
    house.get(ACME, START)
    house.write(*row.settings)
    assert (house.due(START + row.at) == [ACME]) is row.is_due


def test_an_entry_of_a_command_line_is_due_until_a_day_after_its_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0000000000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "demo" * 10)
    house.write(EKS)
    house.get("aws-eks:prod", START)
    house.write()  # its profile is known from the entry alone
    assert house.due(START + MINUTE) == []
    assert house.due(START + 10 * MINUTE) == ["aws-eks:prod"]
    assert house.due(START + 15 * MINUTE + 23 * HOUR) == ["aws-eks:prod"]
    assert house.due(START + 15 * MINUTE + DAY) == []


def test_an_entry_whose_profile_was_taken_out_of_the_settings_is_renewed_no_more(house: House) -> None:
    house.get(ACME, START)
    house.write()
    assert house.due(START + 50 * MINUTE) == []
    assert house.due(START + HOUR) == []


def test_an_entry_whose_file_changed_is_due(house: House) -> None:
    key = house.folder / "key"
    key.write_text("one")
    house.minter.files = (str(key),)
    house.get(ACME, START)
    watch = Watch(os.environ, house.world.said.append)
    assert watch.look(START + MINUTE).due == ()
    key.write_text("another")
    assert [target.profile.id for target in watch.look(START + 2 * MINUTE).due] == [ACME]


def test_what_was_minted_in_another_environment_is_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0000000000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "demo" * 10)
    house.write(EKS)
    house.get("aws-eks:prod", START)
    assert house.due(START + 10 * MINUTE) == ["aws-eks:prod"]
    house.write()
    assert house.due(START + 10 * MINUTE) == ["aws-eks:prod"]
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert house.due(START + 10 * MINUTE) == []


def test_a_key_that_only_another_environment_has_is_left_to_that(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """To fail for it at every look would be noted against a profile that works for its clients."""
    house.write('[profiles."access-key:ci"]\nurl = "https://auth.example/api"\nkey = "env://CI_KEY"\n')
    assert house.due(START) == []
    monkeypatch.setenv("CI_KEY", "demo")
    assert house.due(START) == ["access-key:ci"]


PRIMED: tuple[tuple[str, tuple[str, ...], list[tuple[str, str]]], ...] = (
    ("no place is needed", (table(ACME), EKS), [(ACME, ""), ("aws-eks:prod", "")]),
    ("nothing is minted", (STATIC,), []),
    ("no place is known", (ECR, CODECOMMIT), []),
    ("the profile names its place", (f'{ECR}registry = "{ECR_HOST}"\n',), [("aws-ecr:build", "")]),
    ("a route names one registry", (ECR, place("docker", ECR_HOST, "aws-ecr:build")), [("aws-ecr:build", ECR_HOST)]),
    (
        "a route stands for many",
        (ECR, place("docker", "*.dkr.ecr.eu-central-1.amazonaws.com", "aws-ecr:build")),
        [],
    ),
    (
        "a route names one repository",
        (CODECOMMIT, place("git", REPOSITORY, "aws-codecommit:build")),
        [("aws-codecommit:build", REPOSITORY)],
    ),
    ("a route names all repositories", (CODECOMMIT, place("git", REPOSITORY[:-4], "aws-codecommit:build")), []),
    ("a route leads to the wrong place", (ECR, place("docker", "ghcr.io", "aws-ecr:build")), []),
)


@pytest.mark.parametrize(("settings", "primed"), [row[1:] for row in PRIMED], ids=[row[0] for row in PRIMED])
def test_what_has_no_entry_is_due(house: House, settings: tuple[str, ...], primed: list[tuple[str, str]]) -> None:
    house.write(*settings)
    found = of_settings(load(str(house.folder / "config.toml")), os.environ)
    assert sorted((target.profile.id, target.place) for target in found.values()) == sorted(primed)
    assert house.due(START) == sorted(id_ for id_, _ in primed)


def test_a_credential_of_unknown_expiry_is_never_due(house: House) -> None:
    house.minter.lifetime = None
    house.get(ACME, START)
    assert house.due(START + DAY) == []


def test_a_damaged_entry_is_left_to_who_asks_for_it(house: House) -> None:
    house.get(ACME, START)
    (entry,) = (house.folder / "cache/entries").glob("*.json")
    entry.write_text("{")
    assert house.due(START + DAY) == []


def test_grants_of_the_vault_are_due_five_minutes_ahead(house: House) -> None:
    house.write()
    for kept in (profile("acme:ann", grant(left=HOUR)), profile("acme:bob", token(left=MINUTE)), profile("acme:eve")):
        KeptProfiles(os.environ).save(kept, START)
    assert house.due(START + 50 * MINUTE) == []
    assert house.due(START + 56 * MINUTE) == ["acme:ann"]
    assert house.look(START).next_at_s == (START + 55 * MINUTE).timestamp() + 0.001


def test_a_locked_vault_is_looked_into_once_it_is_unlocked(house: House) -> None:
    house.write()
    KeptProfiles(os.environ).save(profile("acme:ann", grant(left=MINUTE)), START)
    own = OwnVault()
    own.lock()
    watch = Watch(os.environ, house.world.said.append)
    assert watch.look(START).due == ()
    assert house.world.said == []
    own.unlock()
    assert [target.profile.id for target in watch.look(START + MINUTE).due] == ["acme:ann"]


def test_a_keyring_that_is_not_there_yet_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a login: what unlocks it, or starts it, changes no file of ours."""
    KeptProfiles(os.environ).save(profile("acme:ann", grant(left=MINUTE)), START)
    house.write()
    opened = KeptProfiles.all
    failures = [Unavailable("there is no OS keyring here"), VaultLocked("the OS keyring is locked")]

    def fail(kept: KeptProfiles) -> Mapping[str, AuthProfile]:
        if failures:
            raise failures.pop(0)
        return opened(kept)

    monkeypatch.setattr(KeptProfiles, "all", fail)
    watch = Watch(os.environ, house.world.said.append)
    assert watch.look(START).due == ()
    assert watch.look(START + MINUTE).due == ()
    assert len(failures) == 1  # not at every look: it takes seconds
    assert watch.look(START + 11 * MINUTE).due == ()
    assert [target.profile.id for target in watch.look(START + 22 * MINUTE).due] == ["acme:ann"]


def test_a_damaged_vault_is_told_of_and_keeps_nothing_else_back(house: House) -> None:
    vault = house.folder / "data/vault"
    vault.parent.mkdir(mode=0o700)
    vault.write_text("{")
    vault.chmod(0o600)
    assert house.due(START) == [ACME]
    (line,) = house.world.said
    assert line.startswith("renewing nothing that the vault holds: ")


def test_a_new_entry_a_newer_one_and_a_deleted_one_are_seen_at_the_next_look(house: House) -> None:
    house.write(table(ACME), table(SPARE), route(ACME, SPARE))
    watch = Watch(os.environ, house.world.said.append)

    def due(after: timedelta) -> list[str]:
        watch.expect_change()  # a test's steps are shorter than a tick of the file system's clock
        return sorted(target.profile.id for target in watch.look(START + after).due)

    assert due(timedelta(0)) == [ACME, SPARE]
    house.get(ACME, START)
    assert due(timedelta(0)) == [SPARE]
    house.get(SPARE, START + 30 * MINUTE)
    assert due(50 * MINUTE) == [ACME]
    house.get(ACME, START + HOUR)
    assert due(HOUR) == []
    for entry in (house.folder / "cache/entries").glob("*.json"):
        entry.unlink()
    assert due(HOUR) == [ACME, SPARE]


def test_what_is_not_what_it_seemed_is_read_again_although_its_inode_is_the_same(house: House) -> None:
    house.get(ACME, START)
    watch = Watch(os.environ, house.world.said.append)
    late = START + 50 * MINUTE
    (target,) = watch.look(late).due
    (entry,) = (house.folder / "cache/entries").glob("*.json")
    before = entry.read_bytes()
    house.get(ACME, START + HOUR)
    after = entry.read_bytes()
    entry.write_bytes(after)
    watch._listed[entry.name] = entry.stat().st_ino  # as if it had been replaced twice
    assert after != before
    assert watch.look(late).due == (target,)
    watch.expect_change(target.name)
    assert watch.look(START + HOUR).due == ()


def test_one_that_another_process_replaced_by_a_shorter_one_is_seen_at_the_next_look(house: House) -> None:
    house.get(ACME, START)
    watch = Watch(os.environ, house.world.said.append)
    assert watch.look(START).due == ()
    house.minter.lifetime = 4 * MINUTE
    asked = Request(client=Client.PERSON, verb=Verb.GET, asked=ACME, profile=ACME)
    house.broker(START).refresh(house.settings.profiles[ACME], asked)
    assert watch.look(START + SECOND).due == ()
    assert [target.profile.id for target in watch.look(START + 3 * MINUTE).due] == [ACME]


@pytest.mark.parametrize("spare", range(8))
def test_a_process_without_a_descriptor_left_looks_again_later(house: House, spare: int) -> None:
    house.get(ACME, START)
    settled = Watch(os.environ, house.world.said.append)
    settled.look(START)
    for watch in (Watch(os.environ, house.world.said.append), settled):
        watch.expect_change()
        with descriptors(spare), suppress(KeywrightError):
            watch.look(START + HOUR)
        assert [target.profile.id for target in watch.look(START + HOUR + 20 * MINUTE).due] == [ACME]


@contextmanager
def descriptors(spare: int) -> Iterator[None]:
    """Leave the process that many descriptors to open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/dev/fd"))
    filled = [os.open(os.devnull, os.O_RDONLY)]
    while filled[-1] < highest:
        filled.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (filled[-1] + 1 + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filled:
            os.close(descriptor)


def test_a_cache_that_was_deleted_is_made_anew(house: House) -> None:
    from shutil import rmtree

    house.get(ACME, START)
    watch = Watch(os.environ, house.world.said.append)
    before = watch.look(START)
    assert before.due == ()
    rmtree(house.folder / "cache")
    after = watch.look(START)
    assert [target.profile.id for target in after.due] == [ACME]
    assert after.cache is not before.cache


def test_a_look_that_finds_nothing_changed_reads_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.get(ACME, START)
    watch = Watch(os.environ, house.world.said.append)
    watch.look(START)

    def refuse(*_args: object, **_kwargs: object) -> object:
        raise AssertionError("a file is read")

    monkeypatch.setattr("keywright.cache.folder.PrivateFolder.read", refuse)
    monkeypatch.setattr("keywright.refresher.watch.load", refuse)
    monkeypatch.setattr("keywright.refresher.watch.os.scandir", refuse)
    monkeypatch.setattr("keywright.refresher.watch.os.listdir", refuse)
    assert watch.look(START + MINUTE).due == ()


def _dated(name: str, from_s: float, until_s: float, **more: float | str) -> Dated:
    request = Request(client=Client.PERSON, verb=Verb.GET)
    return Dated(Target(name, Profile(id=name, options=KeptOptions()), request), from_s, until_s, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now_s", "due"),
    [
        (50.0, ["a", "b", "c"]),
        (100.0, ["b", "c"]),
        (150.0, ["c"]),
        (200.0, []),
        (300.0, ["a"]),
        (500.0, ["a", "b", "c"]),
    ],
)
def test_known_entries_are_due_by_either_end(now_s: float, due: list[str]) -> None:
    known = Known()
    for dated in (_dated("a", 100, 300), _dated("b", 110, 400), _dated("c", 160, 500)):
        known.replace(dated.target.name, dated)
    assert sorted(dated.target.name for dated in known.due(now_s)) == due
    known.replace("a", None)
    assert sorted(dated.target.name for dated in known.due(now_s)) == [name for name in due if name != "a"]


def test_known_entries_tell_the_next_instant_and_who_was_issued_before_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known()
    known.replace("a", _dated("a", 0, 300, boot="b00t", boot_s=1000.0))
    known.replace("b", _dated("b", 0, 400, boot="other", boot_s=2000.0))
    assert [known.next_at_s(now_s) for now_s in (0, 299, 300, 400)] == [300, 300, 400, inf]
    since: Callable[[float], Callable[[float], str]] = lambda at_s: lambda _now: f"b00t {at_s}"  # noqa: E731
    monkeypatch.setattr("keywright.hit.boot_mark", since(996.0))
    assert known.issued_before_a_step(0) == set()
    monkeypatch.setattr("keywright.hit.boot_mark", since(900.0))
    assert known.issued_before_a_step(0) == {"a"}
