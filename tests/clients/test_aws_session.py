"""One AWS session for all that acts in a role: real processes, an STS that counts, and the commands for people."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from clients.sandbox import Done, Sandbox
from fakes.bent import bent, refusing, slow
from fakes.sts import Sts, sts_error
from keywright.demo.ecr import EcrIssuer
from keywright.demo.sigv4 import AccessKey

KEY: Final = AccessKey(id="AKIADEMO", secret="long-lived-canary")
LENT: Final = AccessKey(id="ASIALENT1", secret="lent-canary-1", session_token="session-canary-1")
ROLE: Final = "arn:aws:iam::111122223333:role/deploy"
REGISTRY: Final = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
PLUGIN: Final = "kube-credential-keywright"
DOCKER: Final = "docker-credential-keywright"
CONFIG: Final = f"""\
[profile base]
aws_access_key_id = {KEY.id}
aws_secret_access_key = {KEY.secret}
[profile dev]
role_arn = {ROLE}
source_profile = base
"""

SETTINGS: Final = f"""\
version = 1
[profiles."aws-ecr:main"]
[[routes]]
client = "docker"
url = "{REGISTRY}"
profiles = ["aws-ecr:main"]
"""


@pytest.fixture
def sts() -> Iterator[Sts]:
    with Sts(callers=(KEY,)) as running:
        yield running


@pytest.fixture
def ecr() -> Iterator[EcrIssuer]:
    with EcrIssuer(keys=(LENT,), region="eu-central-1") as running:
        yield running


@pytest.fixture
def user(sandbox: Sandbox, sts: Sts, ecr: EcrIssuer) -> Sandbox:
    """A user whose AWS profile `dev` is a role."""
    sandbox.write(sandbox.home / ".aws/config", CONFIG)
    aws = {"AWS_PROFILE": "dev", "AWS_ENDPOINT_URL_STS": sts.url, "AWS_ENDPOINT_URL_ECR": ecr.url}
    return Sandbox(sandbox.home, {**sandbox.env, **aws})


def ask(user: Sandbox, cluster: str) -> Done:
    return user.run(PLUGIN, "eks", "--cluster", cluster, "--region", "eu-central-1")


def statuses(user: Sandbox) -> dict[str, dict[str, object]]:
    done = user.run("keywright", "status", "--json")
    assert done.code == 0, done.stderr
    return {row["profile"]: row for row in json.loads(done.stdout)["credentials"]}


@pytest.mark.slow
def test_eight_clusters_and_a_registry_at_once_cost_one_call(user: Sandbox, sts: Sts, ecr: EcrIssuer) -> None:
    with bent(sts, hold := slow()), ThreadPoolExecutor(9) as pool:
        clusters = [pool.submit(ask, user, f"cluster-{number}") for number in range(8)]
        registry = pool.submit(user.run, DOCKER, "get", stdin=REGISTRY)
        hold.wait_for(1)
        hold.release()
        done = [run.result() for run in (*clusters, registry)]
    assert [(run.code, run.stderr) for run in done] == [(0, "")] * 9
    answer = json.loads(done[-1].stdout)
    assert ecr.accepts(answer["Username"], answer["Secret"])
    assert sts.total == 1
    assert len(user.entries()) == 10


def test_it_is_shown_renewed_and_forgotten_by_name(user: Sandbox, sts: Sts) -> None:
    assert ask(user, "one").code == 0
    row = statuses(user)["aws-session:dev"]
    assert (row["provider"], row["state"], row["clients"]) == ("aws-session", "fresh", ["kube"])
    renewed = user.run("keywright", "refresh", "aws-session:dev")
    assert (renewed.code, renewed.stderr) == (0, "")
    assert renewed.stdout.startswith("aws-session:dev: renewed, expires in 59m")
    assert sts.total == 2
    assert "/eu-central-1/sts/" in str(sts.facts[1].call.headers["Authorization"]), "as at first"
    assert user.run("keywright", "invalidate", "aws-session:dev").stdout == "aws-session:dev: 1 dropped\n"
    assert "aws-session:dev" not in statuses(user)
    assert user.run("keywright", "invalidate", "aws-session:dev").code == 2
    assert ask(user, "two").code == 0
    assert sts.total == 3


def test_it_is_forgotten_with_what_was_made_with_it(user: Sandbox, sts: Sts) -> None:
    assert ask(user, "one").code == 0
    done = user.run("keywright", "invalidate", "aws-eks:one")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == "aws-eks:one: 1 dropped, and its session aws-session:dev\n"
    assert statuses(user) == {}
    assert ask(user, "one").code == 0
    assert sts.total == 2


def test_one_that_is_revoked_is_forgotten_although_nothing_could_be_made_with_it(user: Sandbox, sts: Sts) -> None:
    user.write(user.own / "config.toml", SETTINGS)
    with EcrIssuer(keys=(KEY,), region="eu-central-1") as ecr:  # which knows no such session
        refused = Sandbox(user.home, {**user.env, "AWS_ENDPOINT_URL_ECR": ecr.url})
        assert refused.run(DOCKER, "get", stdin=REGISTRY).code == 1
        done = refused.run("keywright", "invalidate", "aws-ecr:main")
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout == "aws-ecr:main: nothing was cached, and its session aws-session:dev\n"
        assert sts.total == 1
        assert refused.run(DOCKER, "get", stdin=REGISTRY).code == 1
    assert sts.total == 2


def test_it_is_no_credential_to_hand_out(user: Sandbox) -> None:
    assert ask(user, "one").code == 0
    done = user.run("keywright", "token", "aws-session:dev")
    assert (done.code, done.stdout) == (2, "")
    assert "there is no profile `aws-session:dev`" in done.stderr


def test_its_failure_is_one_for_all_and_over_with_the_next_edit(user: Sandbox, sts: Sts) -> None:
    with bent(sts, refusing(403, {"Content-Type": "text/xml"}, sts_error("AccessDenied"))):
        for cluster in ("one", "two", "three"):
            done = ask(user, cluster)
            assert done.code == 1
            user.prolong_failures()
            assert done.stderr.startswith(f"{PLUGIN}: aws-eks:{cluster} for eks {cluster}: AWS answered AssumeRole")
            assert done.stderr.count("\n") == 1
    assert sts.total == 1
    error = statuses(user)["aws-session:dev"]["last_error"]
    assert isinstance(error, dict)
    assert error["code"] == "refused"
    user.write(user.home / ".aws/config", CONFIG + "role_session_name = ann\n")
    assert ask(user, "one").code == 0
    assert statuses(user)["aws-session:dev"]["last_error"] is None


def test_an_edited_role_costs_the_session_and_everything_made_with_it(user: Sandbox, sts: Sts) -> None:
    assert ask(user, "one").code == 0
    user.write(user.home / ".aws/config", CONFIG.replace("role/deploy", "role/other"))
    assert ask(user, "one").code == 0
    assert [form["RoleArn"].rpartition("/")[2] for form in sts.asked] == ["deploy", "other"]


def test_keys_that_live_long_are_in_no_file_of_ours(user: Sandbox) -> None:
    for profile in ("base", "dev"):
        done = user.run(PLUGIN, "eks", "--cluster", profile, "--region", "eu-central-1", "--aws-profile", profile)
        assert done.code == 0, done.stderr
    files = [path for path in user.own.rglob("*") if path.is_file()]
    assert any(b"lent-canary-1" in path.read_bytes() for path in files), "the session is there"
    assert not any(KEY.secret.encode() in path.read_bytes() for path in files)
    assert [entry["key"]["profile"] for entry in user.entries() if "session" in entry["key"]["provider"]] == [
        "aws-session:dev"
    ]
