"""What EKS says of a cluster, and what is made of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from keywright.errors import ConfigurationError, KeywrightError, Refused, Unavailable, Unreachable, UsageError
from keywright.providers.aws import session
from keywright.providers.aws.clusters import Cluster, describe_cluster
from keywright.providers.aws.environment import Identity

ANSWER = {
    "arn": "arn:aws:eks:eu-central-1:111122223333:cluster/prod",
    "endpoint": "https://prod.eks.amazonaws.com",
    "certificateAuthority": {"data": "QUJD"},
    "status": "ACTIVE",
    "id": "5f1c",
}
CLUSTER = Cluster(ANSWER["arn"], ANSWER["endpoint"], "QUJD", "prod", "eu-central-1")  # type: ignore[arg-type]


class Eks:
    """Stands where an AWS account is asked."""

    def __init__(self) -> None:
        self.answer: Mapping[str, Any] = ANSWER
        self.failure: KeywrightError | None = None
        self.asked: list[tuple[str, str]] = []

    def act_as(
        self, identity: Identity, region: str, _env: object, _timeout_s: float, work: Callable[[Any], Any]
    ) -> Any:
        """As `session.act_as`."""
        self.asked.append((identity.aws_profile, region))
        if self.failure:
            raise self.failure
        return work(self)

    def client(self, service: str, _config: object) -> "Eks":
        """As `session.Account.client`."""
        assert service == "eks"
        return self

    def describe_cluster(self, *, name: str) -> Mapping[str, Any]:
        """As botocore's client."""
        assert name == "prod"
        return {"cluster": self.answer}


@pytest.fixture
def eks(monkeypatch: pytest.MonkeyPatch) -> Eks:
    eks = Eks()
    monkeypatch.setattr(session, "act_as", eks.act_as)
    return eks


def describe(home: Path, region: str = "eu-central-1", profile: str = "", **env: str) -> Cluster:
    return describe_cluster("prod", region, profile, {"HOME": str(home), **env}, 1)


def test_a_cluster_is_described(eks: Eks, home: Path) -> None:
    assert describe(home) == CLUSTER


@pytest.mark.parametrize(
    ("outpost", "audience"),
    [({"outpostArns": ["a"]}, "5f1c"), ({"outpostArns": ["a"], "etcdInstanceType": "m5"}, "prod"), (None, "prod")],
)
def test_a_local_cluster_of_an_outpost_goes_by_its_id(
    eks: Eks, home: Path, outpost: dict[str, object] | None, audience: str
) -> None:
    eks.answer = {**ANSWER, "outpostConfig": outpost}
    assert describe(home).audience == audience


@pytest.mark.parametrize("status", ["CREATING", "FAILED", ""])
def test_one_that_is_not_ready_is_not_written_down(eks: Eks, home: Path, status: str) -> None:
    eks.answer = {**ANSWER, "status": status}
    with pytest.raises(Unavailable, match=status.lower() or "in no known state"):
        describe(home)


@pytest.mark.parametrize(
    "without", [{"endpoint": "http://x"}, {"endpoint": None}, {"arn": "x"}, {"certificateAuthority": None}]
)
def test_half_a_description_is_none(eks: Eks, home: Path, without: dict[str, object]) -> None:
    eks.answer = {**ANSWER, **without}
    with pytest.raises(Unreachable):
        describe(home)


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 101, "ü"])
def test_what_is_no_name_is_not_asked_for(eks: Eks, name: str) -> None:
    with pytest.raises(UsageError):
        describe_cluster(name, "eu-central-1", "", {}, 1)
    assert eks.asked == []


def test_a_cluster_that_is_not_there_is_named(eks: Eks, home: Path) -> None:
    eks.failure = Refused("AWS answered DescribeCluster with ResourceNotFoundException")
    with pytest.raises(Refused, match="there is no EKS cluster prod in eu-central-1"):
        describe(home)


def test_any_other_failure_names_the_cluster(eks: Eks, home: Path) -> None:
    eks.failure = Refused("AWS answered DescribeCluster with AccessDeniedException")
    with pytest.raises(Refused, match="prod for eu-central-1: AWS answered"):
        describe(home)


class TestTheRegion:
    def test_of_the_command_line_comes_first_then_the_environment(self, eks: Eks, home: Path) -> None:
        describe(home, AWS_REGION="us-east-1")
        describe(home, region="", AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-2")
        describe(home, region="", AWS_DEFAULT_REGION="us-east-2")
        assert [region for _, region in eks.asked] == ["eu-central-1", "us-east-1", "us-east-2"]

    def test_else_is_the_aws_profiles(self, eks: Eks, home: Path) -> None:
        (home / "config").write_text("[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-2\n")
        env = {"AWS_CONFIG_FILE": str(home / "config")}
        describe(home, region="", **env)
        describe(home, region="", profile="p", **env)
        describe(home, region="", AWS_PROFILE="p", **env)
        assert eks.asked == [("", "eu-west-1"), ("p", "eu-west-2"), ("", "eu-west-2")]

    @pytest.mark.parametrize("config", ["", "[default\n", "x"])
    def test_else_is_asked_for(self, eks: Eks, home: Path, config: str) -> None:
        (home / "config").write_text(config)
        with pytest.raises(ConfigurationError, match="give --region"):
            describe(home, region="", AWS_CONFIG_FILE=str(home / "config"))
