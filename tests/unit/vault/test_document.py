"""The vault's file: whole or refused, whatever happened to it by accident."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.vaults import CONTENT, PLACE, content_of, document_of, refusals
from keywright.errors import VaultUnusable
from keywright.hit import sha256
from keywright.vault.document import SIZE_AT_MOST, decode, encode, parse, render
from keywright.vault.vault import Vault


def framed(body: bytes, version: str = "1") -> bytes:
    """Return the body under a first line that fits it: damage that no checksum tells."""
    return f"keywright-vault {version} sha256 {sha256(body).hexdigest()}\n".encode() + body


def test_what_is_rendered_parses_to_the_same(filled: Vault) -> None:
    document = document_of(filled)
    assert render(document) == Path(filled.path).read_bytes()
    assert parse("", render(document)) == document


def test_the_file_names_no_secret_record_or_place(filled: Vault) -> None:
    content = Path(filled.path).read_bytes()
    for word in (*CONTENT, *CONTENT.values(), PLACE, "git.example", "ann"):
        assert word.encode("utf-8", "surrogatepass") not in content


@pytest.mark.slow
def test_a_bit_flipped_in_any_byte_is_refused_and_nothing_is_overwritten(filled: Vault) -> None:
    whole = Path(filled.path).read_bytes()
    for at in range(len(whole)):
        said = refusals(filled, whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        assert len(said) == 2, f"byte {at}"
        assert all("damaged" in str(error) or "newer" in str(error) for error in said)
    Path(filled.path).write_bytes(whole)
    assert content_of(filled) == CONTENT


@pytest.mark.slow
def test_a_bit_flipped_under_a_fresh_checksum_is_refused_and_nothing_is_overwritten(filled: Vault) -> None:
    whole = Path(filled.path).read_bytes()
    body = whole.partition(b"\n")[2]
    for at in range(len(body)):
        said = refusals(filled, framed(body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]))
        assert len(said) == 2, f"byte {at}"
    Path(filled.path).write_bytes(whole)
    assert content_of(filled) == CONTENT


@pytest.mark.slow
def test_a_file_cut_short_anywhere_is_refused_and_nothing_is_overwritten(filled: Vault) -> None:
    whole = Path(filled.path).read_bytes()
    for length in range(len(whole)):
        assert [type(error) for error in refusals(filled, whole[:length])] == [VaultUnusable] * 2, f"at {length}"


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"\0" * 4096,
        b"keywright-vault",
        b"keywright-vault 1 sha256 ",
        b"keywright-vault 01 sha256 x\n{}",
        b"keywright-vault -2 sha256 x\n{}",
        "keywright-vault ² sha256 x\n{}".encode(),
        b"keywright-cache 2 sha256 x\n{}",
        b'{"id": "00"}',
        b"\xff\xfe" * 999,
        framed(b""),
        framed(b"{}"),
        framed(b"[]"),
        framed(b"null"),
        framed(b"[" * 100_000),
        framed(b"9" * 10_000),
        framed(b'{"id":NaN}'),
        framed('{"id":"\ud800"}'.encode("utf-8", "surrogatepass")),
    ],
)
def test_what_is_no_vault_is_refused_and_nothing_is_overwritten(filled: Vault, content: bytes) -> None:
    said = refusals(filled, content)
    assert len(said) == 2
    for error in said:
        assert "damaged" in error.what
        assert f"mv {filled.path} {filled.path}.old" in error.mend


@pytest.mark.parametrize("version", ["2", "17", "9" * 5000])
def test_a_newer_version_is_left_alone(filled: Vault, version: str) -> None:
    said = refusals(filled, framed(b'{"what": "is to come"}', version))
    assert [str(error) for error in said] == [
        f"the vault {filled.path} was written by a newer keywright; upgrade this one"
    ] * 2


def test_a_huge_file_is_refused_without_being_read(filled: Vault) -> None:
    with open(filled.path, "r+b") as file:
        file.truncate(SIZE_AT_MOST + 1)
    for act in (filled.open, filled.edit().__enter__):
        with pytest.raises(VaultUnusable, match=r"larger than anything kept here.*move it away"):
            act()
    assert Path(filled.path).stat().st_size == SIZE_AT_MOST + 1


Members = dict[str, Any]

WRONG: dict[str, Callable[[Members], object]] = {
    "no id": lambda members: members.pop("id"),
    "an unknown member": lambda members: members.update(more=1),
    "an id that is a path": lambda members: members.update(id="../../../../../../../../etc/passwd"[:32]),
    "a short id": lambda members: members.update(id=members["id"][:31]),
    "an id in capitals": lambda members: members.update(id="ABCDEF0123456789" * 2),
    "an id that is a list": lambda members: members.update(id=[members["id"]]),
    "a generation that is true": lambda members: members.update(generation=True),
    "a generation that is a fraction": lambda members: members.update(generation=1.0),
    "a generation that is text": lambda members: members.update(generation="1"),
    "no key": lambda members: members.update(key=None),
    "an empty key": lambda members: members.update(key={}),
    "a key of an unknown kind": lambda members: members["key"].update(kind="none"),
    "a key whose kind is a list": lambda members: members["key"].update(kind=["file"]),
    "a key with more to it": lambda members: members["key"].update(salt="AAAA"),
    "a key that is nothing": lambda members: members["key"].update(wrapped=""),
    "a key that is a number": lambda members: members["key"].update(wrapped=1),
    "a key that is not base64": lambda members: members["key"].update(wrapped="é*"),
    "places that are numbers": lambda members: members.update(places=[1]),
    "places that are a table": lambda members: members.update(places={}),
    "no index": lambda members: members.update(index=""),
    "an index that is not base64": lambda members: members.update(index="AAA"),
    "an index with a line break in it": lambda members: members.update(index=members["index"][:8] + "\n"),
    "records that are a list": lambda members: members.update(records=list(members["records"])),
    "a record that is a number": lambda members: members.update(records=dict.fromkeys(members["records"], 1)),
    "a record that is nothing": lambda members: members.update(records=dict.fromkeys(members["records"], "")),
}


def written(members: Members) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def stray_bit(body: bytes) -> bytes:
    """Return the body with a bit set in base64 that stands for nothing."""
    return re.sub(rb'(.)(=+")', lambda end: bytes([DIGITS[DIGITS.index(end[1]) | 1]]) + end[2], body, count=1)


DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
OTHERWISE: dict[str, Callable[[bytes], bytes]] = {
    "blanks": lambda body: json.dumps(json.loads(body)).encode() + b"\n",
    "no line break": lambda body: body.removesuffix(b"\n"),
    "more line breaks": lambda body: body + b"\n",
    "another order": lambda body: written(dict(reversed(json.loads(body).items()))),
    "a member twice": lambda body: body.replace(b'"generation":', b'"generation":0,"generation":'),
    "an escape": lambda body: body.replace(b'"generation"', b'"gener\\u0061tion"'),
    "a stray bit": stray_bit,
}


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE)
def test_the_same_in_other_bytes_is_refused_and_nothing_is_overwritten(
    filled: Vault, change: Callable[[bytes], bytes]
) -> None:
    body = Path(filled.path).read_bytes().partition(b"\n")[2]
    other = change(body)
    assert json.loads(other).keys() == json.loads(body).keys()
    assert other != body
    assert ["damaged" in error.what for error in refusals(filled, framed(other))] == [True] * 2


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_document_of_another_shape_is_refused_and_nothing_is_overwritten(
    filled: Vault, change: Callable[[Members], object]
) -> None:
    members = json.loads(Path(filled.path).read_bytes().partition(b"\n")[2])
    change(members)
    said = refusals(filled, framed(written(members)))
    assert said, "a read of everything and a write went through"
    assert said[0].what


def test_base64_is_strict() -> None:
    assert decode(encode(b"\0\xff" * 50)) == b"\0\xff" * 50
    for text in ("A", "AA", "AAA", "AA==AA==", " AAAA", "AAAA\n", "é", "A-_A"):
        with pytest.raises(ValueError, match=r".+"):
            decode(text)
