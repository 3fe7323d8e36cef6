"""A trace of real processes: the answer is as it was, the renewal behind it can be read with it, no secret is in it."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.bent import bent, refusing
from fakes.canary import TYPED
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, HOUR, KUBE, PROFILE, QUESTIONS, House, Question, Run, need

Row = dict[str, Any]


def traced(house: House, wish: object) -> dict[str, str]:
    return {**house.env, "KEYWRIGHT_TRACE": str(wish)}


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_standard_output_is_as_it_was(house: House, question: Question) -> None:
    plain = house.run(question)
    run = house.run(question, env=traced(house, 2))
    assert run.stdout == plain.stdout
    assert plain.told == []
    assert all(line.startswith("keywright: trace: ") for line in run.told)
    assert " entry " in run.stderr
    assert house.asked == 1


@pytest.mark.slow
def test_the_renewal_behind_an_answer_carries_its_call(house: House) -> None:
    old = house.make_stale()
    path = house.folder / "trace.jsonl"
    assert house.run(GIT, env=traced(house, path)).token == old
    house.wait_for_renewals()
    told = rows(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({row["call"] for row in told}) == 1
    assert {row["by"] for row in told} == {"git-credential-keywright", "keywright-renew"}
    behind = [row["event"] for row in told if row["by"] == "keywright-renew"]
    assert [*behind[:2], behind[-1]] == ["call_began", "request", "renewal_ended"]
    assert {"fetch_ended", "http", "answer_kept"} <= set(behind)
    assert len({row["pid"] for row in told}) == 2
    assert house.run(GIT).token == house.issuer.issued[-1] != old


@pytest.mark.slow
def test_the_option_reaches_the_renewal_too(house: House) -> None:
    old, path = house.make_stale(), house.folder / "trace.jsonl"
    keywright = [str(Path(GIT.command[0]).with_name("keywright")), "--trace", str(path), "token", PROFILE]
    assert house.run(GIT, command=keywright).stdout.decode().strip() == old
    house.wait_for_renewals()
    assert {row["by"] for row in rows(path)} == {"keywright", "keywright-renew"}
    assert len({row["call"] for row in rows(path)}) == 1


@pytest.mark.slow
def test_no_secret_is_in_it(house: House) -> None:
    path = house.folder / "trace.jsonl"
    env = traced(house, path)
    runs = [house.run(question, env=env) for question in QUESTIONS]
    given = GIT.stdin.replace(b"acme/app", b"other/app").replace(
        b"\n\n", f"\nusername=ann\npassword={TYPED}\n\n".encode()
    )
    for verb in ("store", "get", "erase"):
        house.run(Question(name=GIT.name, args=(verb,), stdin=given, read=GIT.read), env=env)
    login = json.dumps({"ServerURL": "r.example", "Username": "ann", "Secret": TYPED}).encode()
    house.run(Question(name=DOCKER.name, args=("store",), stdin=login, read=DOCKER.read), env=env)
    house.run(Question(name=DOCKER.name, args=("get",), stdin=b"r.example", read=DOCKER.read), env=env)
    house.age(2 * HOUR)
    with bent(house.issuer, refusing(401, {}, TYPED.encode()), route=TOKENS_ROUTE):
        runs += [house.run(question, env=env) for question in QUESTIONS]
    signed = [str(fact.call.headers["Authorization"]).split()[1] for fact in house.issuer.facts]
    pem = [line for line in house.key.read_text().splitlines() if "-----" not in line]
    told = path.read_text() + "".join(run.stderr for run in runs)
    assert [secret for secret in (*house.issuer.issued, *signed, *pem, TYPED) if secret in told] == []
    assert {row["event"] for row in rows(path)} >= {"http", "file", "store", "profile_failed", "left_alone"}


def shell(house: House, script: str, wish: object) -> Run:
    return house.run(GIT, command=["/bin/sh", "-c", script, *GIT.command], env=traced(house, wish))


class TestWhatCannotBeWritten:
    """It costs a warning at most, never the credential, and the credential never goes into it."""

    def test_for_a_loose_file(self, house: House) -> None:
        path = house.folder / "trace.jsonl"
        path.touch()
        path.chmod(0o644)
        run = house.run(GIT, env=traced(house, path))
        assert run.token
        (line,) = run.told
        assert line.startswith(f"git-credential-keywright: not tracing: {path} is open to other users; run `chmod 600")
        assert path.read_bytes() == b""

    def test_on_a_full_disk(self, house: House) -> None:
        path = house.folder / "trace.jsonl"
        house.run(GIT)
        run = shell(house, 'ulimit -f 0; exec "$0" "$@"', path)  # nothing more can be written to any file
        assert run.token == house.issuer.issued[0]
        assert f"not tracing: {path} cannot be written (EFBIG)" in run.stderr

    def test_with_standard_error_closed(self, house: House) -> None:
        assert shell(house, 'exec "$0" "$@" 2>&-', 2).token

    def test_with_standard_output_closed_the_credential_goes_nowhere(self, house: House) -> None:
        path = house.folder / "trace.jsonl"
        shell(house, 'exec "$0" "$@" >&-', path)
        keywright = [str(Path(GIT.command[0]).with_name("keywright")), "--trace", str(path), "token", "github-app:acme"]
        house.run(GIT, command=["/bin/sh", "-c", 'exec "$0" "$@" >&-', *keywright])
        assert house.issuer.issued
        assert not [token for token in house.issuer.issued if token in path.read_text()]
        assert rows(path)


def test_real_git_reads_what_it_always_reads(house: House) -> None:
    need(any(os.access(f"{folder}/git", os.X_OK) for folder in house.env["PATH"].split(":")), "git")
    env = {**house.env, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    helper = ["-c", f"credential.helper={GIT.command[0]}", "-c", "credential.useHttpPath=true"]

    def fill(**more: str) -> subprocess.CompletedProcess[bytes]:
        command = ["git", *helper, "credential", "fill"]
        return subprocess.run(command, input=GIT.stdin, env=env | more, capture_output=True, timeout=60, check=True)

    plain, told = fill(), fill(KEYWRIGHT_TRACE="2")
    assert told.stdout == plain.stdout
    assert f"password={house.issuer.issued[0]}".encode() in told.stdout
    assert b"keywright: trace: " in told.stderr
    assert house.issuer.issued[0].encode() not in told.stderr


def test_a_kubectl_s_second_run_is_traced_like_the_first(house: House) -> None:
    first, second = (house.run(KUBE, env=traced(house, 1)) for _ in range(2))
    assert first.stdout == second.stdout
    assert "fetch_ended" in first.stderr
    assert "fetch_ended" not in second.stderr
