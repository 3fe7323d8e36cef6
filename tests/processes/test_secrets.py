"""Where secrets are after everything that can happen to them: in the entry, in its answers, and nowhere else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bent import bent, refusing, slow
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, HOUR, House, Question, Run, wait_until

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
