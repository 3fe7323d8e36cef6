"""Where secrets are after everything that can happen to them.

What is minted: in the entry, in its answers, and nowhere else. What is typed: in the vault, sealed; in clear nowhere.
"""

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bent import bent, refusing, slow
from fakes.canary import TYPED
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, HOUR, House, Question, Run, need, wait_until
from processes.test_crash import TRACE, may_trace

HANDED_IN = "canary-of-the-client"


def store(password: str) -> Question:
    given = GIT.stdin.rstrip(b"\n") + f"\nusername=x-access-token\npassword={password}\n\n".encode()
    return Question(name=GIT.name, args=("store",), stdin=given, read=GIT.read)


def live_through(house: House) -> Iterator[Run]:
    """Yield the end of every process: minting, handing back, renewing, failing, mending, rejecting."""
    yield from house.run_all()
    yield from (house.run(store(password)) for password in (house.issuer.issued[0], HANDED_IN))
    login = f'{{"ServerURL": "ghcr.io", "Username": "me", "Secret": "{HANDED_IN}"}}'
    yield house.run(Question(name=DOCKER.name, args=("store",), stdin=login.encode(), read=DOCKER.read))
    house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        yield from house.run_all()
        hold.wait_for(1)
        (renewal,) = house.renewals
        given = [Path(f"/proc/{renewal}/{what}").read_bytes().decode() for what in ("cmdline", "environ")]
    house.wait_for_renewals()
    yield Run(question=GIT, code=0, stdout=b"", stderr="".join(given))
    yield from house.run_all()
    house.entry_file.write_bytes(house.entry_file.read_bytes()[:-20])
    yield from house.run_all()
    house.age(2 * HOUR)
    with bent(house.issuer, refusing(401), route=TOKENS_ROUTE):
        yield from house.run_all()
    yield house.run(store(house.issuer.issued[0]))
    yield house.run(Question(name=GIT.name, args=("erase",), stdin=store(HANDED_IN).stdin, read=GIT.read))
    yield house.run(DOCKER, command=[DOCKER.command[0], "erase"])
    wait_until(lambda: house.run(GIT).code == 0, "the pause after the refusal to end")
    house.entry_file.chmod(0o644)
    yield from house.run_all()
    house.entry_file.chmod(0o600)


@pytest.mark.slow
def test_a_secret_is_in_the_entry_and_its_answers_and_nowhere_else(house: House) -> None:
    told = "".join(run.stderr for run in live_through(house))
    assert "open to other users" in told
    assert "does not accept the app's signature" in told
    signed = [str(fact.call.headers["Authorization"]).split()[1] for fact in house.issuer.facts]
    pem = [line for line in house.key.read_text().splitlines() if "-----" not in line]
    assert len(house.issuer.issued) >= 5
    secrets = [*house.issuer.issued, *signed, *pem, HANDED_IN]
    assert [secret for secret in secrets if secret in told or secret.encode().hex() in told] == []
    seen = set()
    for path in house.folder.rglob("*"):
        content = path.read_text() if path.is_file() and path != house.key else ""
        assert [secret for secret in (*signed, *pem, HANDED_IN) if secret in content] == []
        if any(token in content for token in house.issuer.issued):
            seen.add(path.parent.relative_to(house.folder).as_posix())
    assert seen == {"cache/entries", "cache/answers"}


TYPED_ONES = [f"{TYPED}-{name}" for name in ("password", "refresh", "login", "token", "passphrase")]
PASSWORD, REFRESH, LOGIN, TOKEN, _ = TYPED_ONES


def to_git(action: str, *lines: str) -> Question:
    stdin = "".join(f"{line}\n" for line in ("protocol=https", "host=git.example", *lines, ""))
    return Question(name=GIT.name, args=(action,), stdin=stdin.encode(), read=GIT.read)


def to_docker(action: str, stdin: str) -> Question:
    return Question(name=DOCKER.name, args=(action,), stdin=stdin.encode(), read=DOCKER.read)


def keep_and_give_back() -> Iterator[Question]:
    """Yield a day of a user who types everything."""
    ann = ("username=ann", f"password={PASSWORD}", f"oauth_refresh_token={REFRESH}")
    yield to_git("store", *ann)
    yield to_git("get")
    yield to_git("store", *ann)
    yield to_git("store", "capability[]=authtype", "authtype=Bearer", f"credential={TOKEN}")
    yield to_git("get", "capability[]=authtype", f"wwwauth[]=Bearer realm={TOKEN}")
    yield to_docker("store", json.dumps({"ServerURL": "r.example", "Username": "ann", "Secret": LOGIN}))
    yield to_docker("get", "r.example")
    yield to_docker("list", "")
    yield to_git("erase", "username=ann", "password=another")


def everything_goes_wrong(house: House) -> Iterator[None]:
    """Let the vault be bent in one way after the other."""
    vault = house.folder / "data/vault"
    (key,) = vault.parent.glob("vault-*.key")
    whole = vault.read_bytes(), key.read_bytes()
    for content, key_content in (
        (whole[0][:-9], whole[1]),
        (whole[0].replace(b"vault 1", b"vault 2"), whole[1]),
        (whole[0], b"junk"),
        (whole[0], base64.b64encode(bytes(32)) + b"\n"),
    ):
        vault.write_bytes(content)
        key.write_bytes(key_content)
        yield
    vault.write_bytes(whole[0])
    key.write_bytes(whole[1])
    for path, mode in ((vault, 0o644), (key, 0o640), (vault.parent, 0o755)):
        before = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode)
        yield
        path.chmod(before)


def spellings(secret: str) -> set[bytes]:
    """Return what a secret looks like in clear, in hex, and in base64 wherever it begins."""
    clear = secret.encode()
    shifted = {base64.b64encode(bytes(shift) + clear)[4:-4] for shift in range(3)}
    return {clear, clear.hex().encode(), *shifted}


@pytest.mark.slow
def test_what_is_typed_is_in_clear_nowhere(house: House) -> None:
    need(may_trace(), "strace, or the right to trace")
    trace = house.folder / "trace"
    seen = [*TRACE, str(trace), "-v", "-s", "1000000", "-e", "trace=execve"]
    told, given = "", ""
    for question in keep_and_give_back():
        run = house.run(question, prefix=seen)
        assert (run.code, run.stderr) == (0, "")
        given += run.stdout.decode()
        told += trace.read_text()  # argv and environ of whatever was started
    assert given.count(PASSWORD) == given.count(REFRESH) == given.count(TOKEN) == given.count(LOGIN) == 1
    bent_times = 0
    for _ in everything_goes_wrong(house):
        bent_times += 1
        for question in (to_git("store", "username=bob", f"password={PASSWORD}"), *keep_and_give_back()):
            run = house.run(question)
            assert (run.code, run.stdout) != (0, b"") or not run.stderr
            assert PASSWORD.encode() not in run.stdout
            told += run.stderr
    assert bent_times == 7
    assert "is damaged" in told
    assert "does not open with the key" in told
    assert "chmod 700" in told
    house.run(to_git("erase"))
    places = {"told": told.encode()}
    for folder in ("cache", "data", "state"):
        places |= {str(path): path.read_bytes() for path in (house.folder / folder).rglob("*") if path.is_file()}
    assert len(places) > 3
    leaks = [
        (where, secret)
        for secret in TYPED_ONES
        for spelling in spellings(secret)
        for where, content in places.items()
        if spelling in content
    ]
    assert leaks == []


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_nothing_that_is_made_is_open_to_others(house: House, umask: str) -> None:
    def run(question: Question) -> Run:
        return house.run(question, prefix=["/bin/sh", "-c", f'umask {umask}; "$0" "$@"'])

    assert run(GIT).token == run(DOCKER).token
    house.age(HOUR / 2)
    house.forget_ready_answers()
    assert run(GIT).token
    house.wait_for_renewals()
    house.age(2 * HOUR)
    with bent(house.issuer, refusing(503), route=TOKENS_ROUTE):
        assert run(GIT).code == 1
    house.age(HOUR)
    paths = [Path(at) / name for at, folders, files in os.walk(house.folder) for name in (*folders, *files)]
    made = [path for path in paths if path not in {house.config, house.key}]
    assert {path.name for path in made} >= {"entries", "answers", "renew", "failures", house.entry_file.name}
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
