"""What is written is what is read, whatever was in it; and what is damaged tells nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.cache.entry import SCHEMA, Entry, NewerEntry, dump, load, options_of
from keywright.credential import CacheKey, Credential
from keywright.hit import stamp
from keywright.secret import Secret
from keywright.settings.model import EksOptions, GithubAppOptions

CANARY = "ghs_canary0123456789"
ISSUED_AT = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

TEXTS = st.text(st.characters(), max_size=8)  # surrogates included: paths and environments hold them
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
TABLES = st.dictionaries(TEXTS, TEXTS, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
ENTRIES = st.builds(
    Entry,
    key=st.builds(CacheKey, provider=TEXTS, profile=TEXTS, facts=TABLES),
    generation=st.integers(0, 2**63),
    credential=st.builds(
        Credential,
        secret=TEXTS.map(Secret),
        issued_at=INSTANTS,
        expires_at=st.none() | INSTANTS,
        username=st.none() | TEXTS,
        kept=st.none(),
    ),
    jitter=st.floats(0, 0.1),
    inputs=TABLES,
    memory=TABLES,
    boot=st.uuids().map(lambda boot: f"{boot} 1699990000.5"),
    client=TEXTS,
    url=TEXTS,
    options=st.dictionaries(TEXTS, JSON, max_size=3),
)


def an_entry() -> Entry:
    return Entry(
        key=CacheKey(provider="github-app", profile="github-app:acme", facts={"owner": "acme"}),
        generation=1700000000123456,
        credential=Credential(
            secret=Secret(CANARY),
            username="x-access-token",
            issued_at=ISSUED_AT,
            expires_at=ISSUED_AT + timedelta(hours=1),
        ),
        jitter=0.034,
        inputs={"/home/me/keys/acme.pem": "2049:131:1675:1:1"},
        memory={"installation_id": "789"},
        client="git",
        url="https://github.com/acme",
        options={"app_id": "123456", "permissions": {"contents": "read"}},
    )


@given(ENTRIES)
def test_an_entry_comes_back_as_it_went(entry: Entry) -> None:
    assert load(dump(entry)) == entry


def test_the_file_is_one_line_of_plain_json() -> None:
    content = dump(an_entry())
    assert content.isascii()
    assert content.count(b"\n") == 1
    document = json.loads(content)
    assert document["schema"] == SCHEMA
    assert document["key"] == an_entry().key.document()
    assert document["secret"] == CANARY
    assert document["issued_at_unix_s"] == ISSUED_AT.timestamp()
    assert set(document) == {
        "schema",
        "key",
        "generation",
        "username",
        "secret",
        "issued_at_unix_s",
        "expires_at_unix_s",
        "boot",
        "jitter",
        "inputs",
        "memory",
        "client",
        "url",
        "options",
    }


def damaged(content: bytes) -> ValueError:
    with pytest.raises(ValueError, match="damaged entry") as raised:
        load(content)
    return raised.value


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_bytes_are_a_damaged_entry(content: bytes) -> None:
    damaged(content)


def test_an_entry_that_is_cut_anywhere_is_damaged_and_tells_nothing() -> None:
    content = dump(an_entry())
    for length in range(len(content) - 1):
        error = damaged(content[:length])
        assert "canary" not in f"{error}{error!r}{vars(error)}{error.args}"
        assert error.__cause__ is None
        assert error.__suppress_context__


WRONG: list[tuple[str, Any]] = [
    ("boot", None),
    ("boot", ""),
    ("boot", "one-word"),
    ("boot", "boot nan"),
    ("boot", f"boot {CANARY}"),
    ("schema", None),
    ("schema", CANARY),
    ("key", None),
    ("key", CANARY),
    ("key", {"provider": 1, "profile": "", "facts": {}}),
    ("key", {"provider": "", "profile": "", "facts": {"a": 1}}),
    ("key", {"provider": "", "profile": "", "facts": []}),
    ("generation", None),
    ("generation", CANARY),
    ("generation", float("inf")),
    ("username", 1),
    ("secret", None),
    ("secret", 1),
    ("secret", [CANARY]),
    ("issued_at_unix_s", None),
    ("issued_at_unix_s", CANARY),
    ("issued_at_unix_s", 1e300),
    ("issued_at_unix_s", 10**400),
    ("issued_at_unix_s", float("nan")),
    ("expires_at_unix_s", -1e300),
    ("expires_at_unix_s", CANARY),
    ("jitter", None),
    ("jitter", CANARY),
    ("jitter", float("nan")),
    ("jitter", float("inf")),
    ("inputs", None),
    ("inputs", [CANARY]),
    ("inputs", {"/x": 1}),
    ("memory", {"x": None}),
    ("client", 7),
    ("url", None),
    ("options", None),
    ("options", CANARY),
    ("options", 7),
]


@pytest.mark.parametrize(("member", "value"), WRONG)
def test_an_entry_with_a_wrong_member_is_damaged_and_tells_nothing(member: str, value: object) -> None:
    document = json.loads(dump(an_entry()))
    error = damaged(json.dumps({**document, member: value}).encode())
    assert "canary" not in f"{error}{error!r}{vars(error)}{error.args}"


@pytest.mark.parametrize("member", sorted(json.loads(dump(an_entry()))))
def test_an_entry_that_lacks_a_member_is_damaged(member: str) -> None:
    document = json.loads(dump(an_entry()))
    del document[member]
    damaged(json.dumps(document).encode())


def test_nesting_without_end_is_damaged() -> None:
    damaged(b"[" * 1_000_000)


@pytest.mark.parametrize("schema", [SCHEMA + 1, SCHEMA + 0.5, 10**9])
def test_a_newer_schema_is_no_damage_whatever_else_it_says(schema: float) -> None:
    document = json.loads(dump(an_entry()))
    for newer in ({**document, "schema": schema}, {"schema": schema}, {"schema": schema, "secret": 7}):
        with pytest.raises(NewerEntry) as raised:
            load(json.dumps(newer).encode())
        assert "canary" not in repr(raised.value)


def test_members_of_tomorrow_are_passed_over() -> None:
    document = json.loads(dump(an_entry()))
    assert load(json.dumps({**document, "colour": "blue"}).encode()) == an_entry()


def test_an_entry_shows_all_but_its_secret() -> None:
    assert CANARY not in repr(an_entry())
    assert "github-app:acme" in repr(an_entry())


def test_an_entry_is_undisturbed_until_an_input_changes(tmp_path: Path) -> None:
    present, absent = tmp_path / "present", tmp_path / "absent"
    present.touch()
    inputs = {str(path): stamp(str(path)) for path in (present, absent)}
    entry = an_entry()._replace(inputs=inputs)
    assert an_entry()._replace(inputs={}).is_undisturbed
    seen = [entry.is_undisturbed]
    for act in (absent.touch, absent.unlink, present.unlink):
        act()
        seen.append(entry.is_undisturbed)
    assert seen == [True, False, True, False]


def test_options_are_kept_as_plain_values() -> None:
    app = GithubAppOptions(app_id="1", private_key="/k", repositories=("web",), permissions={"contents": "read"})
    eks = EksOptions(cluster="prod", region="eu-central-1")
    for options in (app, eks):
        kept = json.loads(json.dumps(options_of(options)))
        assert kept.keys() == set(type(options)._fields)
    assert json.loads(json.dumps(options_of(app)))["repositories"] == ["web"]
    assert options_of(app)["permissions"] == {"contents": "read"}
    assert options_of(GithubAppOptions(app_id="1", private_key="/k"))["permissions"] == {}
