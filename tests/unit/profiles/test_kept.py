"""The store of kept profiles: one record of the vault for each provider, read as values and changed as a whole."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.kept import BORN, NOON, profile, put_record, secret, token
from fakes.own_vault import OwnVault
from keywright.cache.folder import PrivateFolder
from keywright.errors import CacheUnusable, KeywrightError, ProfileNotFound, UsageError, VaultLocked, VaultUnusable
from keywright.profiles import kept
from keywright.profiles.document import document_of
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile

WORK, PLAY, OTHER = profile("openai:work"), profile("openai:play"), profile("groq:default", token())


@pytest.fixture
def env(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    return {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}


@pytest.fixture
def store(env: dict[str, str]) -> KeptProfiles:
    return KeptProfiles(env)


@pytest.fixture
def filled(store: KeptProfiles) -> KeptProfiles:
    for one in (WORK, PLAY, OTHER):
        store.save(one, BORN)
    return store


def ids(profiles: dict[str, AuthProfile]) -> list[str]:
    return list(profiles)


# --- what it is -----------------------------------------------------------------------------------------------------


def test_what_was_saved_is_found_by_its_id_and_by_its_provider(filled: KeptProfiles) -> None:
    assert filled.get(ProfileId("openai", "work")) == WORK
    assert filled.get(ProfileId("openai", "absent")) is None
    assert filled.get(ProfileId("absent")) is None
    assert filled.of_provider("openai") == {"openai:play": PLAY, "openai:work": WORK}
    assert filled.of_provider("OPENAI") == filled.of_provider("openai")
    assert filled.of_provider("absent") == {}


def test_they_are_listed_in_one_order_whatever_the_order_of_saving(filled: KeptProfiles) -> None:
    expected = ["groq:default", "openai:play", "openai:work"]
    assert [ids(filled.all()) for _ in range(10)] == [expected] * 10
    assert ids(filled.of_provider("openai")) == expected[1:]


def test_nothing_ever_saved_is_nothing_and_makes_no_file(store: KeptProfiles, home: Path) -> None:
    assert (store.all(), store.of_provider("openai"), store.get(ProfileId("openai"))) == ({}, {}, None)
    assert not (home / "kw").exists()


def test_saving_sets_when_and_replaces_the_one_of_its_id(filled: KeptProfiles) -> None:
    changed = WORK._replace(credential=token(), priority=5)
    saved = filled.save(changed, NOON)
    assert saved == changed._replace(updated_at=NOON)
    assert filled.get(WORK.id) == saved
    assert ids(filled.of_provider("openai")) == ["openai:play", "openai:work"]


def test_saving_the_same_again_writes_nothing(filled: KeptProfiles) -> None:
    before = Path(filled.source).read_bytes()
    filled.save(WORK, BORN)
    assert Path(filled.source).read_bytes() == before


def test_reading_writes_nothing(filled: KeptProfiles) -> None:
    folder = Path(filled.source).parent
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert filled.get(WORK.id)
    assert filled.of_provider("openai")
    assert filled.all()
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_what_is_returned_is_a_value_and_no_way_into_the_store(filled: KeptProfiles) -> None:
    found = filled.of_provider("openai")
    found["openai:work"] = PLAY
    del found["openai:play"]
    assert filled.of_provider("openai") == {"openai:play": PLAY, "openai:work": WORK}


def test_removing_takes_one_and_leaves_the_others(filled: KeptProfiles) -> None:
    filled.remove(WORK.id)
    assert ids(filled.all()) == ["groq:default", "openai:play"]
    filled.remove(PLAY.id)
    assert not OwnVault().vault.holds("profiles openai")
    assert ids(filled.all()) == ["groq:default"]


@pytest.mark.parametrize("id_", ["openai:absent", "absent:default"])
def test_removing_what_is_not_there_says_so(filled: KeptProfiles, id_: str) -> None:
    before = Path(filled.source).read_bytes()
    with pytest.raises(ProfileNotFound, match=f"profile {id_} not found; `keywright profile list`"):
        filled.remove(ProfileId.parse(id_))
    assert Path(filled.source).read_bytes() == before


def test_an_edit_that_fails_changes_nothing(filled: KeptProfiles) -> None:
    def fail() -> None:
        with filled.editing("openai") as profiles:
            profiles.clear()
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        fail()
    assert len(filled.all()) == 3


def test_no_edit_leaves_behind_what_no_read_would_take(filled: KeptProfiles) -> None:
    def file(id_: str, one: AuthProfile) -> None:
        with filled.editing("openai") as profiles:
            profiles[id_] = one

    for id_, one in (
        ("openai:play", WORK),
        ("groq:default", OTHER),
        ("openai:../x", WORK._replace(id=ProfileId("openai", "../x"))),
    ):
        with pytest.raises(ValueError, match="no id of this provider's"):
            file(id_, one)
    assert len(filled.all()) == 3


def test_one_whose_provider_is_in_capitals_is_not_put_where_nobody_finds_it(store: KeptProfiles) -> None:
    with pytest.raises(ValueError, match="no id of this provider's"):
        store.save(WORK._replace(id=ProfileId("OpenAI", "work")), NOON)


def test_a_thousand_of_one_provider_fit(store: KeptProfiles) -> None:
    with store.editing("openai") as profiles:
        profiles.update({f"openai:p{number}": profile(f"openai:p{number}") for number in range(1000)})
    assert len(store.of_provider("openai")) == 1000


def test_too_much_is_refused_and_what_was_there_stays(filled: KeptProfiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SIZE_AT_MOST", 2000)
    with pytest.raises(UsageError, match="longer than 2000 bytes"):
        filled.save(profile("openai:long", token(ref="vault://A" + "a" * 2000)), NOON)
    assert ids(filled.of_provider("openai")) == ["openai:play", "openai:work"]


# --- locked, damaged, newer, unwritable -------------------------------------------------------------------------------

CALLS: dict[str, Callable[[KeptProfiles], object]] = {
    "get": lambda store: store.get(WORK.id),
    "list of the provider": lambda store: store.of_provider("openai"),
    "list": lambda store: store.all(),
    "save": lambda store: store.save(profile("openai:new"), NOON),
    "remove": lambda store: store.remove(WORK.id),
}


def assert_refused(store: KeptProfiles, kind: type[KeywrightError], told: str) -> None:
    """Assert that each call says so, and that nothing has changed on the disk."""
    folder = Path(store.source).parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for call in CALLS.values():
        with pytest.raises(kind, match=told) as raised:
            call(store)
        assert "canary" not in str(raised.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_locked_vault_is_locked_and_not_empty(filled: KeptProfiles) -> None:
    own = OwnVault()
    own.lock()
    assert_refused(filled, VaultLocked, "locked")
    assert filled.of_provider("anthropic") == {}, "that it has none is no secret"
    own.unlock()
    assert len(filled.all()) == 3


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_record_is_left_alone(filled: KeptProfiles, env: dict[str, str], version: int) -> None:
    put_record(env, "openai", {"version": version, "profiles": {"openai:work": {"of": "another shape"}}})
    assert_refused(filled, VaultUnusable, "the vault's `profiles openai` are of another version .*; upgrade it")


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"version": 1, "profiles": {"openai:work": {}}}', json.dumps({"version": 1, "profiles": {
        "openai:play": document_of(WORK)}})],
    ids=["empty", "a list", "half a profile", "one under another's id"],
)  # fmt: skip
def test_a_damaged_record_is_left_alone(filled: KeptProfiles, env: dict[str, str], content: str) -> None:
    put_record(env, "openai", content)
    assert_refused(filled, VaultUnusable, "the vault's `profiles openai` are damaged; restore the vault")


def test_a_damaged_record_costs_no_other_provider(filled: KeptProfiles, env: dict[str, str]) -> None:
    put_record(env, "openai", "{")
    assert ids(filled.of_provider("groq")) == ["groq:default"]
    assert filled.save(OTHER._replace(priority=1), NOON).priority == 1


def test_a_damaged_vault_is_left_alone(filled: KeptProfiles) -> None:
    Path(filled.source).write_bytes(Path(filled.source).read_bytes()[:-10])
    assert_refused(filled, VaultUnusable, "damaged|cut|whole|vault")


def test_a_vault_that_cannot_be_written_is_as_it_was(filled: KeptProfiles, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path(filled.source).read_bytes()

    def full(*_: object, **__: object) -> str:
        raise CacheUnusable("the folder cannot be written (ENOSPC)", mend="free some disk space")

    monkeypatch.setattr(PrivateFolder, "replace", full)
    for call in ("save", "remove"):
        with pytest.raises(VaultUnusable, match=r"ENOSPC.*; free some disk space"):
            CALLS[call](filled)
    with pytest.raises(VaultUnusable, match="ENOSPC"):
        filled.check_room()
    assert Path(filled.source).read_bytes() == before
    assert len(filled.all()) == 3


def test_the_check_for_room_leaves_everything_as_it_is(filled: KeptProfiles) -> None:
    folder = Path(filled.source).parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    filled.check_room()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_any_home_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "relative")
    with pytest.raises(VaultUnusable, match="there is no absolute data folder; set HOME"):
        KeptProfiles({})


def test_nothing_lies_in_clear(filled: KeptProfiles, home: Path) -> None:
    filled.save(WORK._replace(updated_at=BORN + timedelta(1)), NOON)
    for path in (home / "kw").rglob("*"):
        assert path.is_dir() or secret("").reveal().strip().encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0 or path == home / "kw"
