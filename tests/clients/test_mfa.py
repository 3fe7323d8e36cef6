"""A role that asks for an MFA code: who is asked for it, how often, and what is left of it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pexpect
import pytest

from clients.sandbox import Sandbox, find_program, until
from fakes.sts import Sts
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused
from processes.house import need

KEY: Final = AccessKey(id="AKIADEMO", secret="long-lived-canary")
DEVICE: Final = "arn:aws:iam::111122223333:mfa/ann"
CODE: Final = "271828"
QUESTION: Final = f"keywright: MFA code for {DEVICE}: "
PLUGIN: Final = "kube-credential-keywright"
EKS: Final = f"{PLUGIN} eks --cluster prod --region eu-central-1 --aws-profile dev"
HOST: Final = "git-codecommit.eu-central-1.amazonaws.com"
GIT: Final = f"printf 'protocol=https\\nhost={HOST}\\npath=v1/repos/a\\n' | git-credential-keywright get"
CONFIG: Final = f"""\
[profile base]
aws_access_key_id = {KEY.id}
aws_secret_access_key = {KEY.secret}
[profile dev]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = base
mfa_serial = {DEVICE}
"""
REFUSAL: Final = "aws-eks:prod for eks prod: the AWS profile dev asks for an MFA code; run `keywright token PROFILE` on"


@pytest.fixture
def sts() -> Iterator[Sts]:
    with Sts(callers=(KEY,)) as running:
        running.codes = {DEVICE: CODE}
        yield running


@pytest.fixture
def user(sandbox: Sandbox, sts: Sts) -> Sandbox:
    sandbox.write(sandbox.home / ".aws/config", CONFIG)
    return Sandbox(sandbox.home, {**sandbox.env, "AWS_ENDPOINT_URL_STS": sts.url, "GIT_TERMINAL_PROMPT": "1"})


def exec_info(*, interactive: bool) -> str:
    """Return what kubectl says."""
    info = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": {"interactive": interactive},
    }
    return json.dumps(info)


@contextmanager
def at_terminal(
    user: Sandbox, script: str, env: Mapping[str, str] | None = None, *, interactive: bool = True
) -> Iterator["pexpect.spawn[str]"]:
    """Run a shell script at a terminal of its own, in the user's home folder."""
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", script],
        cwd=str(user.home),
        env={**user.env, "KUBERNETES_EXEC_INFO": exec_info(interactive=interactive), **(env or {})},
        encoding="utf-8",
        timeout=90,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def end_of(child: "pexpect.spawn[str]") -> str:
    """Wait for the end; return what the terminal has shown since."""
    child.expect(pexpect.EOF)
    child.wait()
    return str(child.before)


def read(user: Sandbox, name: str) -> str:
    """Return the content of a file in the home folder."""
    return (user.home / name).read_text()


def test_the_person_at_the_terminal_is_asked_and_the_manifest_on_standard_input_is_whole(
    user: Sandbox, sts: Sts
) -> None:
    manifest = "kind: Pod\n" * 1000
    user.write(user.home / "manifest", manifest)
    with at_terminal(user, f"exec <manifest; {EKS} >out 2>err; cat >rest") as child:
        child.expect_exact(QUESTION)
        child.sendline(CODE)
        shown = end_of(child)
    assert json.loads(read(user, "out"))["status"]["token"].startswith("k8s-aws-v1.")
    assert read(user, "err") == ""
    assert read(user, "rest") == manifest
    assert CODE not in shown
    assert sts.asked[0]["TokenCode"] == CODE


def test_where_the_client_does_not_allow_it_nobody_is_asked(user: Sandbox, sts: Sts) -> None:
    with at_terminal(user, f"{EKS} >out 2>err", interactive=False) as child:
        assert end_of(child) == ""
    assert read(user, "out") == ""
    assert read(user, "err").startswith(f"{PLUGIN}: {REFUSAL}")
    assert read(user, "err").count("\n") == 1
    assert sts.total == 0


@pytest.mark.parametrize(
    ("command", "env"),
    [
        (EKS, {"CI": "true"}),
        ("echo 111122223333.dkr.ecr.eu-central-1.amazonaws.com | docker-credential-keywright get", {}),
        (GIT, {"GIT_TERMINAL_PROMPT": "0"}),
    ],
    ids=["in CI", "docker", "git without prompts"],
)
def test_nobody_is_asked_either(user: Sandbox, sts: Sts, command: str, env: dict[str, str]) -> None:
    with at_terminal(user, f"{command} 2>err >out", {"AWS_PROFILE": "dev", **env}) as child:
        assert end_of(child) == ""
    assert "the AWS profile dev asks for an MFA code" in read(user, "err")
    assert sts.total == 0


@pytest.mark.parametrize(
    "command",
    [
        GIT,
        f"keywright token aws-codecommit:default --url https://{HOST}/v1/repos/a",
    ],
    ids=["git", "keywright token"],
)
def test_git_and_the_command_for_people_ask(user: Sandbox, command: str) -> None:
    with at_terminal(user, f"{command} >out 2>err", {"AWS_PROFILE": "dev"}) as child:
        child.expect_exact(QUESTION)
        child.sendline(CODE)
        end_of(child)
    assert read(user, "err") == ""
    assert "Z" in read(user, "out")


def test_five_at_once_ask_once_and_the_session_serves_whoever_may_not_ask(user: Sandbox, sts: Sts) -> None:
    # Each has a parent of its own, as with five kubectls: one that asks twice would seem to have had it rejected.
    with at_terminal(user, f"for n in 1 2 3 4 5; do ({EKS} >out$n 2>err$n; :) & done; wait") as child:
        child.expect_exact(QUESTION)
        child.sendline(CODE)
        assert QUESTION not in end_of(child)
    outputs = {read(user, f"out{number}") for number in range(1, 6)}
    assert len(outputs) == 1
    assert outputs.pop()
    assert {read(user, f"err{number}") for number in range(1, 6)} == {""}
    with at_terminal(user, f"{EKS.replace('prod', 'test')} >out 2>err", interactive=False) as child:
        assert end_of(child) == ""
    assert read(user, "out")
    assert sts.total == 1


def test_five_clusters_at_once_ask_once_too(user: Sandbox, sts: Sts) -> None:
    with at_terminal(user, f"for n in 1 2 3 4 5; do {EKS.replace('prod', 'c$n')} >out$n 2>err$n & done; wait") as child:
        child.expect_exact(QUESTION)
        child.sendline(CODE)
        assert QUESTION not in end_of(child)
    assert {read(user, f"err{number}") for number in range(1, 6)} == {""}
    assert sts.total == 1


def test_a_wrong_code_is_one_clear_line_and_left_nowhere(user: Sandbox, sts: Sts) -> None:
    need(sys.platform == "linux", "/proc")
    wrong = "314159"
    with at_terminal(user, f"{EKS} >out 2>err") as child:
        child.expect_exact(QUESTION)
        child.sendline(wrong)
        until(lambda: sts.total, "STS to be asked")
        seen = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        end_of(child)
    assert read(user, "err") == (
        f"{PLUGIN}: aws-eks:prod for eks prod: AWS answered AssumeRole with AccessDenied to the MFA code; "
        "try again with the device's next code [refused]\n"
    )
    assert read(user, "out") == ""
    assert not any(wrong.encode() in words for words in seen)
    files = [path for path in user.home.rglob("*") if path.is_file()]
    assert files
    assert not any(wrong.encode() in path.read_bytes() for path in files)


def test_what_is_no_code_is_told_without_asking_aws(user: Sandbox, sts: Sts) -> None:
    with at_terminal(user, f"{EKS} >out 2>err") as child:
        child.expect_exact(QUESTION)
        child.sendline("ann")
        end_of(child)
    assert "that is no MFA code, which has six digits; try again" in read(user, "err")
    assert sts.total == 0


def test_an_interrupt_at_the_question_ends_the_call_at_once(user: Sandbox, sts: Sts) -> None:
    with at_terminal(user, f"trap : INT; {EKS} >out 2>err; echo $? >code") as child:
        child.expect_exact(QUESTION)
        child.sendintr()
        end_of(child)
    assert read(user, "code") == "130\n"
    assert (read(user, "out"), read(user, "err")) == ("", "")
    assert sts.total == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["IfAvailable", "Never"])
def test_kubectl_at_a_terminal_decides_who_is_asked(user: Sandbox, sts: Sts, mode: str) -> None:
    kubectl = find_program("kubectl")

    def lets_in(token: str) -> bool:
        try:
            EksTokenVerifier(tuple(sts.keys)).verify(token, "prod", datetime.now(UTC))
        except TokenRefused:
            return False
        return True

    with KubernetesServer(authorises=lets_in) as server:
        command, *args = EKS.split()
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": args}
        user.write(user.home / "kubeconfig", server.kubeconfig({"exec": {**plugin, "interactiveMode": mode}}))
        with at_terminal(user, f"{kubectl} --kubeconfig kubeconfig get pods") as child:
            if mode == "IfAvailable":
                child.expect_exact(QUESTION)
                child.sendline(CODE)
                assert "demo" in end_of(child)
                return
            shown = end_of(child)
    assert "asks for an MFA code" in shown
    assert QUESTION not in shown
    assert sts.total == 0
