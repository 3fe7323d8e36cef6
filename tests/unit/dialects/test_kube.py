"""The exec plugin protocol: the command line of a kubeconfig, KUBERNETES_EXEC_INFO, and the document clients accept."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.credential import Credential
from keywright.dialects.base import Reply
from keywright.dialects.kube import USAGE, KubeDialect
from keywright.errors import CredentialNotFound, NeedsPerson, Refused, UsageError
from keywright.request import Client, Request, Url, Verb
from keywright.secret import Secret

KUBE = KubeDialect()
V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
EKS = ["eks", "--cluster", "prod", "--region", "eu-central-1"]
ISSUED_AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)

WRONG_KINDS: list[object] = ["Foo", "", None, ["ExecCredential"], 1]
WRONG_VERSIONS: list[object] = ["", None, 1, [V1], f"{V1}alpha1", "v1", f"{V1} ", f"{V1}\n", "x" * 10_000]
NO_OBJECTS: list[object] = [[], "x", 1, True]
NO_BOOLEANS: list[object] = ["true", 1, 0, [], {}]
NO_STRINGS: list[object] = [1, [], {}, True]


def info(*, kind: object = "ExecCredential", version: object = V1, **members: object) -> dict[str, str]:
    return {"KUBERNETES_EXEC_INFO": json.dumps({"kind": kind, "apiVersion": version, **members})}


def credential(token: str = "k8s-aws-v1.abc", username: str | None = None) -> Credential:
    return Credential(secret=Secret(token), username=username, issued_at=ISSUED_AT)


class TestArguments:
    @pytest.mark.parametrize(
        ("args", "env", "options"),
        [
            (EKS, {}, {"cluster": "prod", "region": "eu-central-1"}),
            (["eks", "--cluster=prod", "--region=eu-central-1"], {}, {"cluster": "prod", "region": "eu-central-1"}),
            (["eks", "--cluster", "prod"], {"AWS_REGION": "us-east-1"}, {"cluster": "prod", "region": "us-east-1"}),
            (
                ["eks", "--cluster", "prod"],
                {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"},
                {"cluster": "prod", "region": "us-west-2"},
            ),
            (
                ["eks", "--cluster", "prod"],
                {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"},
                {"cluster": "prod", "region": "us-east-1"},
            ),
            (EKS, {"AWS_REGION": "us-east-1"}, {"cluster": "prod", "region": "eu-central-1"}),
            (
                [
                    *EKS,
                    "--role-arn",
                    "arn:aws:iam::1:role/a",
                    "--external-id=-x=y",
                    "--session-name=s",
                    "--aws-profile=p",
                ],
                {},
                {
                    "cluster": "prod",
                    "region": "eu-central-1",
                    "role_arn": "arn:aws:iam::1:role/a",
                    "external_id": "-x=y",
                    "session_name": "s",
                    "aws_profile": "p",
                },
            ),
        ],
    )
    def test_eks_becomes_the_providers_settings(
        self, args: list[str], env: dict[str, str], options: dict[str, str]
    ) -> None:
        assert KUBE.parse(args, b"", env) == Request(
            client=Client.KUBE,
            verb=Verb.GET,
            asked="eks prod",
            accepts=(V1BETA1,),
            provider="aws-eks",
            options=options,
        )

    def test_a_profile_is_asked_for_by_its_id(self) -> None:
        assert KUBE.parse(["profile", "aws-eks:prod"], b"", info()) == Request(
            client=Client.KUBE, verb=Verb.GET, asked="profile aws-eks:prod", accepts=(V1,), profile="aws-eks:prod"
        )

    def test_a_cluster_is_asked_for_by_its_url(self) -> None:
        env = info(spec={"cluster": {"server": "https://Prod.example:6443"}, "interactive": False})
        request = KUBE.parse(["cluster"], b"", env)
        assert str(request.url) == "https://prod.example:6443"
        assert not request.profile
        assert not request.provider

    def test_a_cluster_that_the_client_does_not_name_is_refused_with_the_mend(self) -> None:
        with pytest.raises(UsageError, match="provideClusterInfo: true"):
            KUBE.parse(["cluster"], b"", info())

    @pytest.mark.parametrize(
        "args",
        [
            ["frob"],
            ["eks"],
            ["eks", "--cluster", "prod"],
            ["eks", "--region", "eu-central-1"],
            ["eks", "--cluster"],
            ["eks", "--cluster="],
            ["eks", "--cluster=", "prod", "--region=eu-central-1"],
            ["eks", "--cluster", ""],
            ["eks", "--cluster", "--region", "eu-central-1"],
            [*EKS, "--cluster", "prod"],
            [*EKS, "--cluster=other"],
            [*EKS, "--frob"],
            [*EKS, "--frob=1"],
            [*EKS, "--clus=prod"],
            [*EKS, "stray"],
            [*EKS, "--version"],
            [*EKS, "--api-version", "v1"],
            [*EKS, "--api-version", "client.authentication.k8s.io/v1alpha1"],
            [*EKS, "\udcff"],
            ["eks", "--cluster", "pr\udcf6d", "--region", "eu-central-1"],
            ["profile"],
            ["profile", ""],
            ["profile", "--api-version", V1],
            ["profile", "aws-eks:prod", "stray"],
            ["profile", "aws-eks:prod", "--cluster", "x"],
        ],
    )
    def test_a_command_line_that_is_not_understood_is_a_usage_error(self, args: list[str]) -> None:
        with pytest.raises(UsageError):
            KUBE.parse(args, b"", {})

    def test_a_stray_value_is_not_repeated(self) -> None:
        for stray in ("hunter2", "--token=hunter2"):
            with pytest.raises(UsageError) as caught:
                KUBE.parse([*EKS, stray], b"", {})
            assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("args", "reply"),
        [
            (["--help"], Reply(USAGE.encode(), 0)),
            (["eks", "-h"], Reply(USAGE.encode(), 0)),
            (["--version"], Reply(b"kube-credential-keywright 0.1.0\n", 0)),
            ([], Reply(b"", 2, "no command was given; `kube-credential-keywright --help` shows how [usage]")),
        ],
    )
    def test_what_is_asked_about_the_plugin_is_told(self, args: list[str], reply: Reply) -> None:
        request = KUBE.parse(args, b"", {"KUBERNETES_EXEC_INFO": "broken"})
        assert KUBE.done(request, is_minted=False) == reply


class TestExecInfo:
    @pytest.mark.parametrize(
        ("env", "flags", "version"),
        [
            ({}, [], V1BETA1),
            ({"KUBERNETES_EXEC_INFO": ""}, [], V1BETA1),
            ({}, ["--api-version", V1], V1),
            ({}, [f"--api-version={V1BETA1}"], V1BETA1),
            (info(version=V1), [], V1),
            (info(version=V1BETA1), [], V1BETA1),
            (info(version=V1), ["--api-version", V1BETA1], V1),
            (info(version=V1BETA1), ["--api-version", V1], V1BETA1),
        ],
    )
    def test_the_version_is_exactly_the_one_asked_for(
        self, env: dict[str, str], flags: list[str], version: str
    ) -> None:
        for args in ([*EKS, *flags], ["profile", "aws-eks:prod", *flags]):
            request = KUBE.parse(args, b"", env)
            assert request.accepts == (version,)
            assert json.loads(KUBE.answer(request, credential(), None))["apiVersion"] == version

    @pytest.mark.parametrize(
        ("env", "interactive", "url"),
        [
            (info(), False, None),
            (info(spec={}), False, None),
            (info(spec=None), False, None),
            (info(spec={"interactive": True}), True, None),
            (info(spec={"interactive": False}), False, None),
            (info(spec={"interactive": None, "cluster": None}), False, None),
            (info(spec={"cluster": {}}), False, None),
            (info(spec={"cluster": {"server": ""}}), False, None),
            (info(spec={"cluster": {"server": "no url at all"}}), False, None),
            (
                info(
                    spec={"interactive": True, "cluster": {"server": "https://ABC.gr7.eu-central-1.eks.amazonaws.com"}}
                ),
                True,
                Url(scheme="https", host="abc.gr7.eu-central-1.eks.amazonaws.com"),
            ),
            (
                info(
                    spec={"cluster": {"server": "https://[::1]:6443/k8s/c-1", "config": {"a": [1]}, "more": 1}},
                    status={},
                ),
                False,
                Url(scheme="https", host="[::1]:6443", path="k8s/c-1"),
            ),
            ({"KUBERNETES_EXEC_INFO": f'{{"kind":"x","kind":"ExecCredential","apiVersion":"{V1}"}}'}, False, None),
            (info(spec={"cluster": {"config": "x" * 2_000_000}}), False, None),
        ],
    )
    def test_the_spec_says_who_may_be_asked_and_which_cluster_it_is(
        self, env: dict[str, str], interactive: bool, url: Url | None
    ) -> None:
        request = KUBE.parse(EKS, b"", env)
        assert (request.interactive, request.url) == (interactive, url)

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            " ",
            "null",
            "[]",
            '"x"',
            "1",
            "\udcff",
            "[" * 100_000,
            "{}",
            '{"kind":"ExecCredential"}',
            f'{{"kind":"{V1}"}}',
        ],
    )
    def test_what_is_not_an_exec_credential_at_all_is_a_usage_error(self, text: str) -> None:
        with pytest.raises(UsageError, match="KUBERNETES_EXEC_INFO"):
            KUBE.parse(EKS, b"", {"KUBERNETES_EXEC_INFO": text})

    @pytest.mark.parametrize(
        "env",
        [info(kind=kind) for kind in WRONG_KINDS]
        + [info(version=version) for version in WRONG_VERSIONS]
        + [info(spec=spec) for spec in NO_OBJECTS]
        + [info(spec={"interactive": value}) for value in NO_BOOLEANS]
        + [info(spec={"cluster": value}) for value in NO_OBJECTS]
        + [info(spec={"cluster": {"server": value}}) for value in NO_STRINGS],
    )
    def test_a_member_of_the_wrong_type_or_value_is_a_usage_error(self, env: dict[str, str]) -> None:
        for args in (EKS, ["profile", "aws-eks:prod"]):
            with pytest.raises(UsageError) as caught:
                KUBE.parse(args, b"", env)
            assert str(caught.value).isprintable()

    def test_another_version_is_answered_with_what_is_spoken_and_where_to_set_it(self) -> None:
        with pytest.raises(UsageError) as caught:
            KUBE.parse(EKS, b"", info(version="client.authentication.k8s.io/v1alpha1"))
        assert str(caught.value) == (
            "KUBERNETES_EXEC_INFO asks for 'client.authentication.k8s.io/v1alpha1', and only "
            f"{V1} and {V1BETA1} are spoken; set `apiVersion: {V1}` in the kubeconfig"
        )

    @given(st.text())
    def test_no_text_makes_it_fail_otherwise_than_by_contract(self, text: str) -> None:
        try:
            KUBE.parse(EKS, b"", {"KUBERNETES_EXEC_INFO": text})
        except UsageError:
            return
        assert text == ""


class TestAnswers:
    def test_an_answer_is_these_bytes(self) -> None:
        request = KUBE.parse(EKS, b"", info())
        assert KUBE.answer(request, credential(), ISSUED_AT + timedelta(minutes=14)) == (
            b'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
            b'"status":{"token":"k8s-aws-v1.abc","expirationTimestamp":"2026-03-01T12:14:00Z"}}\n'
        )

    @pytest.mark.parametrize(
        ("until", "expected"),
        [
            (None, None),
            (ISSUED_AT, None),
            (ISSUED_AT - timedelta(hours=1), None),
            (ISSUED_AT + timedelta(milliseconds=700), None),
            (ISSUED_AT + timedelta(seconds=1), "2026-03-01T12:00:01Z"),
            (ISSUED_AT + timedelta(microseconds=749_999, seconds=59), "2026-03-01T12:00:59Z"),
            (datetime(2026, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=9))), "2026-03-01T14:00:00Z"),
        ],
    )
    def test_the_expiry_is_whole_seconds_of_utc_and_never_null_or_past(
        self, until: datetime | None, expected: str | None
    ) -> None:
        status = json.loads(KUBE.answer(KUBE.parse(EKS, b"", {}), credential(), until))["status"]
        assert status == {"token": "k8s-aws-v1.abc"} | ({"expirationTimestamp": expected} if expected else {})

    def test_a_credential_with_a_user_name_gives_its_secret_as_the_token(self) -> None:
        request = KUBE.parse(EKS, b"", {})
        assert KUBE.answer(request, credential(username="AWS"), None) == KUBE.answer(request, credential(), None)

    @pytest.mark.parametrize(
        "token", ["", "a\n", "a\r", "a\0", "a b", " a", "a\t", "a\x7f", "a\x1b", "ä", "\udcff", "a\u2028"]
    )
    def test_a_token_that_no_header_carries_is_refused(self, token: str) -> None:
        with pytest.raises(Refused) as caught:
            KUBE.answer(KUBE.parse(EKS, b"", {}), credential(token), None)
        assert str(caught.value).isprintable()


def test_every_failure_is_one_line_for_the_person_and_nothing_for_the_client() -> None:
    request = KUBE.parse(EKS, b"", {})
    assert KUBE.failure(request, NeedsPerson("no session", mend="run `aws sso login`")) == Reply(
        b"", 4, "no session; run `aws sso login` [needs_person]"
    )
    assert KUBE.failure(None, CredentialNotFound("no such profile")) == Reply(
        b"", 1, "no such profile [credential_not_found]"
    )
