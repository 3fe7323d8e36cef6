"""What git hands over to be kept, and how it is given back: as it was."""

from datetime import UTC, datetime
from typing import Any

import pytest

from keywright.credential import Credential, Kept
from keywright.dialects.git import GitDialect
from keywright.errors import CredentialNotFound, UsageError
from keywright.request import Client, Handed, Request, Url, Verb
from keywright.secret import Secret

GIT = GitDialect()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = b"protocol=https\nhost=git.example\n"
TOKEN = Secret("t")


def stored(rest: bytes) -> Request:
    return GIT.parse(["store"], PLACE + rest, {})


def answered(*accepts: str, **fields: Any) -> list[str]:
    request = Request(
        client=Client.GIT, verb=Verb.GET, url=Url(scheme="https", host="git.example"), accepts=tuple(accepts)
    )
    credential = Credential(**{"secret": Secret("p"), "username": "ann", "issued_at": NOW, "kept": Kept(), **fields})
    return GIT.answer(request, credential, credential.expires_at).decode("utf-8", "surrogateescape").splitlines()


@pytest.mark.parametrize(
    ("rest", "handed"),
    [
        (b"username=ann\npassword=p\n", Handed()),
        (b"username=\npassword=\n", Handed()),
        (b"password=p\npassword_expiry_utc=9999999999\n", Handed(expires_at_s=9999999999)),
        (b"password=p\npassword_expiry_utc=0\n", Handed()),
        (b"password=p\npassword_expiry_utc=-5\n", Handed()),
        (b"password=p\npassword_expiry_utc=soon\n", Handed()),
        (b"password=p\npassword_expiry_utc=99999999999999999999\n", Handed()),
        (b"password=p\noauth_refresh_token=r=1\n", Handed(refresh_token=Secret("r=1"))),
        (b"authtype=Bearer\ncredential=t\n", Handed(authtype="Bearer")),
        (b"authtype=Bearer\n", Handed()),
        (b"password=p\nephemeral=1\n", Handed(is_ephemeral=True)),
        (b"password=p\nephemeral=true\n", Handed(is_ephemeral=True)),
        (b"password=p\nephemeral=0\n", Handed()),
        (b"password=p\nephemeral=false\n", Handed()),
    ],
)
def test_everything_that_comes_with_a_password_is_read(rest: bytes, handed: Handed) -> None:
    assert stored(rest).handed == handed


def test_of_a_password_and_a_whole_credential_the_latter_is_kept_never_one_as_the_other() -> None:
    request = stored(b"username=ann\npassword=p\nauthtype=Bearer\ncredential=t\n")
    assert (request.password, request.handed) == (TOKEN, Handed(authtype="Bearer"))


def test_a_path_is_kept_as_git_spells_it() -> None:
    assert stored(b"path=team/app.git\n").path == "team/app.git"
    assert stored(b"path=team/app.git/info/lfs\n").path == "team/app.git/info/lfs"
    assert stored(b"path=\n").path is None
    assert stored(b"").path is None


@pytest.mark.parametrize("key", [b"password", b"credential", b"authtype", b"oauth_refresh_token"])
@pytest.mark.parametrize("bad", [b"a\rb", b"a\0b"])
def test_what_could_not_be_given_back_is_not_taken(key: bytes, bad: bytes) -> None:
    with pytest.raises(UsageError, match="could not be given back"):
        stored(b"username=ann\n" + key + b"=" + bad + b"\n")


@pytest.mark.parametrize(
    ("accepts", "fields", "lines"),
    [
        ((), {}, ["username=ann", "password=p"]),
        (("authtype",), {}, ["username=ann", "password=p"]),
        ((), {"username": "", "secret": Secret("")}, ["username=", "password="]),
        ((), {"secret": Secret("a=b \udcff")}, ["username=ann", "password=a=b \udcff"]),
        (
            (),
            {"expires_at": datetime.fromtimestamp(9999999999, UTC)},
            ["username=ann", "password=p", "password_expiry_utc=9999999999"],
        ),
        (
            (),
            {"kept": Kept(refresh_token=Secret("r"))},
            ["username=ann", "password=p", "oauth_refresh_token=r"],
        ),
        ((), {"kept": Kept(refresh_token=Secret("r"), is_spent=True)}, ["username=ann", "oauth_refresh_token=r"]),
        (
            ("authtype",),
            {"username": None, "kept": Kept(authtype="Bearer")},
            ["capability[]=authtype", "authtype=Bearer", "credential=p"],
        ),
        (
            ("authtype",),
            {"kept": Kept(authtype="Digest")},
            ["capability[]=authtype", "username=ann", "authtype=Digest", "credential=p"],
        ),
    ],
)
def test_it_is_given_back_as_it_was(accepts: tuple[str, ...], fields: dict[str, Any], lines: list[str]) -> None:
    assert answered(*accepts, **fields) == lines


def test_a_git_that_does_not_know_the_word_gets_no_authtype() -> None:
    with pytest.raises(CredentialNotFound):
        answered(kept=Kept(authtype="Bearer"))
