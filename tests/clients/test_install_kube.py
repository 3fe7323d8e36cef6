"""`keywright install kube` with the real kubectl, beside the real `aws eks update-kubeconfig`."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.session import Session

from clients.sandbox import BIN, WAIT_AT_MOST_S, Done, Sandbox, find_program
from fakes.own_vault import OwnVault
from fakes.terminal import Terminal
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused
from keywright.manage.install import kube as install_kube
from keywright.manage.install.program import run_tool

KEY: Final = AccessKey(id="AKIADEMO", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AWS: Final = {"AWS_ACCESS_KEY_ID": KEY.id, "AWS_SECRET_ACCESS_KEY": KEY.secret}
REGION: Final = "eu-central-1"
ARN: Final = f"arn:aws:eks:{REGION}:123456789012:cluster/prod"
AWS_PROFILE: Final = f"""\
[profile p]
region = {REGION}
aws_access_key_id = {KEY.id}
aws_secret_access_key = {KEY.secret}
"""
PROFILE: Final = '[profiles."aws-eks:prod"]\ncluster = "prod"\nregion = "eu-central-1"\n'
FOREIGN: Final = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority: pki/ca.crt
    proxy-url: http://me:canary1@proxy
    server: https://office.example.com
  name: office
- cluster:
    certificate-authority: ../elsewhere/ca.crt
    server: https://lab.example.com
  name: lab
contexts:
- context:
    cluster: office
    namespace: mine
    user: sso
  name: office
current-context: office
kind: Config
users:
- name: keyed
  user:
    client-certificate-data: Y2FuYXJ5Mg==
    client-key-data: Y2FuYXJ5Mw==
- name: sso
  user:
    as: boss
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --oidc-client-secret=canary4
      command: ./bin/kubelogin
      env:
      - name: SECRET
        value: |-
          canary5
          canary6
      installHint: ask the office
      interactiveMode: IfAvailable
      provideClusterInfo: false
- name: token
  user:
    token: canary7
"""
CANARIES: Final = ("canary", "Y2FuYXJ5")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test with the kubectl of this environment, and some with the machine's own."""
    if "kubectl" in metafunc.fixturenames:
        others = [path for path in [shutil.which("kubectl")] if path and Path(path).parent != BIN]
        metafunc.parametrize("kubectl", [str(BIN / "kubectl"), *others], ids=["own", *("machine's" for _ in others)])


@pytest.fixture(scope="session")
def eks(moto: str) -> dict[str, str]:
    """The environment of a user whose account has the EKS clusters `prod` and `test`."""
    client: Any = Session().create_client(
        "eks", REGION, endpoint_url=moto, aws_access_key_id=KEY.id, aws_secret_access_key=KEY.secret
    )
    for name in ("prod", "test"):
        client.create_cluster(
            name=name, roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": ["subnet-1"]}
        )
    return {**AWS, "AWS_ENDPOINT_URL_EKS": moto, "AWS_ENDPOINT_URL_STS": moto}


@pytest.fixture
def config(sandbox: Sandbox) -> Path:
    """kubectl's file, as kubectl writes it, with canaries for secrets."""
    path = sandbox.write(sandbox.home / ".kube/config", FOREIGN)
    done = sandbox.run(BIN / "kubectl", "config", "set-context", "office", "--namespace=other")
    assert done.code == 0, done.stderr
    path.chmod(0o640)
    return path


def view(sandbox: Sandbox, path: Path) -> dict[str, Any]:
    """Return what kubectl reads: by list, by name."""
    done = sandbox.run(BIN / "kubectl", "--kubeconfig", path, "config", "view", "--raw", "-o", "json")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    found = {
        kind: {row["name"]: row[kind[:-1]] for row in document[kind] or []}
        for kind in ("clusters", "contexts", "users")
    }
    return {**found, "current": document["current-context"]}


def has_canary(*said: Done | tuple[int, str, str]) -> bool:
    """Return whether a secret of the file was told."""
    texts = "".join(
        part for done in said for part in ((done.stdout, done.stderr) if isinstance(done, Done) else done[1:])
    )
    return any(canary in texts for canary in CANARIES)


class TestAnEksCluster:
    @pytest.mark.slow
    @pytest.mark.parametrize("alias", [(), ("--alias", "short")], ids=["plain", "alias"])
    def test_is_named_and_described_as_by_the_aws_cli(
        self, sandbox: Sandbox, eks: dict[str, str], alias: tuple[str, ...]
    ) -> None:
        find_program("aws")
        ours, theirs = sandbox.home / "ours", sandbox.home / "theirs"
        common = ("--region", REGION, *alias, "--kubeconfig")
        done = sandbox.run("keywright", "install", "kube", "--eks", "prod", *common, ours, env=eks)
        assert (done.code, done.stderr) == (0, "")
        done = sandbox.run("aws", "eks", "update-kubeconfig", "--name", "prod", *common, theirs, env=eks)
        assert done.code == 0, done.stderr
        one, other = view(sandbox, ours), view(sandbox, theirs)
        assert (one["clusters"], one["contexts"], one["current"]) == (
            other["clusters"],
            other["contexts"],
            other["current"],
        )
        assert one["users"].keys() == other["users"].keys() == {ARN}
        assert one["users"][ARN] == {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "args": ["eks", "--cluster", "prod", "--region", REGION],
                "command": find_program("kube-credential-keywright"),
                "env": None,
                "installHint": "install keywright and run `keywright install kube` again",
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": False,
            }
        }

    def test_of_the_aws_cli_is_refused_then_forced_then_put_back(
        self, terminal: Terminal, sandbox: Sandbox, eks: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in eks.items():
            monkeypatch.setenv(name, value)
        find_program("aws")
        path = sandbox.home / ".kube/config"
        sandbox.run("aws", "eks", "update-kubeconfig", "--name", "prod", "--region", REGION, env=eks)
        before = view(sandbox, path)
        refused = terminal("install", "kube", "--eks", "prod", "--region", REGION)
        assert refused.code == 2
        assert f"users {ARN} is taken by the plugin `aws`; --force replaces it" in refused.stderr
        assert terminal("install", "kube", "--eks", "prod", "--region", REGION, "--force").code == 0
        during = view(sandbox, path)
        assert (during["clusters"], during["contexts"]) == (before["clusters"], before["contexts"])
        assert during["users"][ARN]["exec"]["command"] == find_program("kube-credential-keywright")
        assert terminal("uninstall", "kube", "--eks", "prod").code == 0
        assert view(sandbox, path) == before

    def test_goes_in_and_out_again_byte_for_byte(self, sandbox: Sandbox, eks: dict[str, str], config: Path) -> None:
        before = config.read_bytes()
        words = ("--eks", "prod", "--region", REGION, "--role-arn", "arn:aws:iam::1:role/x", "--aws-profile", "p")
        sandbox.write(sandbox.home / ".aws/config", AWS_PROFILE)
        done = sandbox.run("keywright", "install", "kube", *words, env=eks)
        assert (done.code, done.stderr) == (0, "")
        during = config.read_bytes()
        assert view(sandbox, config)["users"][ARN]["exec"]["args"][5:] == [*words[4:6], *words[6:]]
        again = sandbox.run("keywright", "install", "kube", *words, env=eks)
        assert (again.code, again.stdout) == (0, f"{config}: already set up\n")
        assert config.read_bytes() == during
        assert config.stat().st_mode & 0o777 == 0o640
        done = sandbox.run("keywright", "uninstall", "kube", "--eks", "prod")
        assert (done.code, done.stderr) == (0, "")
        assert config.read_bytes() == before

    def test_can_be_added_without_switching_to_it(self, sandbox: Sandbox, eks: dict[str, str], config: Path) -> None:
        words = ("--eks", "prod", "--region", REGION, "--no-set-current", "--alias", "prod", "--user", "me@a.b")
        assert sandbox.run("keywright", "install", "kube", *words, env=eks).code == 0
        found = view(sandbox, config)
        assert (found["current"], found["contexts"]["prod"]) == ("office", {"cluster": ARN, "user": "me@a.b"})

    def test_that_was_described_anew_is_updated_without_force(
        self, sandbox: Sandbox, eks: dict[str, str], config: Path
    ) -> None:
        before = config.read_bytes()
        words = ("--eks", "prod", "--region", REGION)
        sandbox.run("keywright", "install", "kube", *words, env=eks)
        done = sandbox.run("keywright", "install", "kube", *words, "--role-arn", "arn:aws:iam::1:role/x", env=eks)
        assert done.stdout == f"{config}: users {ARN} is set\n"
        sandbox.run("keywright", "uninstall", "kube")
        assert config.read_bytes() == before

    def test_region_comes_from_the_aws_profile(self, sandbox: Sandbox, eks: dict[str, str]) -> None:
        sandbox.write(sandbox.home / ".aws/config", AWS_PROFILE)
        done = sandbox.run("keywright", "install", "kube", "--eks", "prod", "--aws-profile", "p", env=eks)
        assert (done.code, done.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("words", "more", "ends"),
        [
            (("none", "--region", REGION), {}, (1, f"there is no EKS cluster none in {REGION}; see `aws eks list-")),
            (("prod",), {}, (2, "the cluster's region is not known; give --region or set AWS_REGION")),
            (("prod", "--region", REGION), {"AWS_ENDPOINT_URL_EKS": "http://127.0.0.1:1"}, (1, "no connection to")),
            (("prod", "--region", REGION), {"AWS_ACCESS_KEY_ID": ""}, (1, "no AWS credentials were found")),
            (("prod", "--region", REGION, "--aws-profile", "none"), {}, (2, "the AWS profile none is not in")),
        ],
    )
    def test_that_cannot_be_described_changes_nothing(
        self, sandbox: Sandbox, eks: dict[str, str], words: Sequence[str], more: dict[str, str], ends: tuple[int, str]
    ) -> None:
        code, told = ends
        env = {name: value for name, value in {**sandbox.env, **eks, **more}.items() if value}
        done = Sandbox(sandbox.home, env).run("keywright", "install", "kube", "--eks", *words)
        assert (done.code, done.stdout, done.stderr.count("\n")) == (code, "", 1)
        assert told in done.stderr
        assert not (sandbox.home / ".kube").exists()

    def test_whose_user_or_context_is_used_elsewhere_stays(
        self, sandbox: Sandbox, eks: dict[str, str], config: Path
    ) -> None:
        assert sandbox.run("keywright", "install", "kube", "--eks", "prod", "--region", REGION, env=eks).code == 0
        kubectl = (BIN / "kubectl", "config")
        sandbox.run(*kubectl, "set-context", "mine", f"--cluster={ARN}", "--user=sso")
        done = sandbox.run("keywright", "uninstall", "kube")
        assert done.code == 0
        assert f"clusters {ARN} is left as it is: the context mine needs it" in done.stderr
        found = view(sandbox, config)
        assert (ARN in found["clusters"], ARN in found["users"], found["current"]) == (True, False, "office")
        sandbox.run(*kubectl, "delete-context", "mine")
        assert sandbox.run("keywright", "uninstall", "kube").stdout == f"{config}: clusters {ARN} is removed\n"

    @pytest.mark.slow
    def test_many_at_once_lose_nothing(self, sandbox: Sandbox, eks: dict[str, str], config: Path) -> None:
        before = config.read_bytes()
        program = find_program("keywright")
        ours = [
            subprocess.Popen(
                [program, "install", "kube", "--eks", name, "--region", REGION, "--no-set-current"],
                env={**sandbox.env, **eks},
                stdout=subprocess.DEVNULL,
            )
            for name in ("prod", "test")
        ]
        assert [process.wait(WAIT_AT_MOST_S) for process in ours] == [0, 0]
        assert {ARN, ARN.replace("prod", "test")} < view(sandbox, config)["users"].keys()
        assert sandbox.run("keywright", "uninstall", "kube").code == 0
        assert config.read_bytes() == before


def is_eks_token(token: str) -> bool:
    """Return whether aws-iam-authenticator of the cluster `prod` would let the token in now."""
    try:
        EksTokenVerifier(keys=(KEY,)).verify(token, "prod", datetime.now(UTC))
    except TokenRefused:
        return False
    return True


def test_kubectl_is_let_in_with_what_was_installed(sandbox: Sandbox, eks: dict[str, str], kubectl: str) -> None:
    folder = sandbox.home / "bin"
    folder.mkdir()
    (folder / "kubectl").symlink_to(kubectl)
    env = {**eks, "PATH": f"{folder}:{sandbox.env['PATH']}"}
    done = sandbox.run("keywright", "install", "kube", "--eks", "prod", "--region", REGION, env=env)
    assert (done.code, done.stderr) == (0, "")
    with KubernetesServer(authorises=is_eks_token) as server:
        authority = sandbox.write(sandbox.home / "ca.pem", server.ca_pem)
        words = ("config", "set-cluster", ARN, f"--server={server.url}", f"--certificate-authority={authority}")
        assert sandbox.run(kubectl, *words, "--embed-certs=true").code == 0
        done = sandbox.run(kubectl, "get", "pods", env=env)
        assert (done.code, done.stderr) == (0, "")
        assert "demo" in done.stdout


class TestAUser:
    @pytest.fixture(autouse=True)
    def _settings(self, sandbox: Sandbox) -> None:
        sandbox.settings(PROFILE)

    def test_new_goes_in_and_out_again_byte_for_byte(self, sandbox: Sandbox, config: Path) -> None:
        before = config.read_bytes()
        done = sandbox.run("keywright", "install", "kube", "--user", "me@prod.example.com", "--profile", "aws-eks:prod")
        assert (done.code, done.stdout) == (0, f"{config}: users me@prod.example.com is set\n")
        found = view(sandbox, config)
        assert found["users"]["me@prod.example.com"]["exec"]["args"] == ["profile", "aws-eks:prod"]
        assert found["current"] == "office"
        done = sandbox.run("keywright", "uninstall", "kube", "--user", "me@prod.example.com")
        assert (done.code, done.stderr) == (0, "")
        assert config.read_bytes() == before

    def test_goes_with_a_cluster_that_is_named_too(self, sandbox: Sandbox, eks: dict[str, str], config: Path) -> None:
        before = config.read_bytes()
        sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod")
        sandbox.run("keywright", "install", "kube", "--eks", "prod", "--region", REGION, env=eks)
        assert len(view(sandbox, config)["users"].keys() & {"me", ARN}) == 2
        done = sandbox.run("keywright", "uninstall", "kube", "--eks", "prod", "--user", "me")
        assert (done.code, done.stderr) == (0, "")
        assert config.read_bytes() == before

    def test_of_another_plugin_is_refused_then_forced_then_put_back(
        self, terminal: Terminal, sandbox: Sandbox, config: Path, own_vault: OwnVault
    ) -> None:
        before, words = config.read_bytes(), ("install", "kube", "--user", "sso", "--profile", "aws-eks:prod")
        said = [terminal(*words), terminal(*words, "--force", "--dry-run")]
        assert said[0].code == 2
        assert "users sso is taken by the plugin `kubelogin`; --force replaces it" in said[0].stderr
        assert "-      - <masked>" in said[1].stdout
        assert config.read_bytes() == before
        said.append(terminal(*words, "--force"))
        found = view(sandbox, config)["users"]["sso"]
        assert (found["as"], found["exec"]["args"], found["exec"]["env"]) == ("boss", ["profile", "aws-eks:prod"], None)
        (name,) = own_vault.records
        assert name.startswith("install kube users sso ")
        assert sandbox.holds("canary5") == []
        said += [terminal("uninstall", "kube", "--dry-run"), terminal("uninstall", "kube")]
        assert [done.code for done in said] == [2, 0, 0, 0, 0]
        assert not has_canary(*said)
        assert view(sandbox, config)["users"]["sso"]["exec"]["env"][0]["value"] == "canary5\ncanary6"
        assert config.read_bytes() == before
        assert own_vault.records == {}

    def test_and_nothing_of_it_is_on_a_command_line(
        self, terminal: Terminal, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines: list[str] = []

        def noted(command: Sequence[str], env: Mapping[str, str]) -> bytes | None:
            lines.append(" ".join(command))
            return run_tool(command, env)

        monkeypatch.setattr(install_kube, "run_tool", noted)
        before = config.read_bytes()
        assert terminal("install", "kube", "--user", "sso", "--profile", "aws-eks:prod", "--force").code == 0
        assert terminal("uninstall", "kube").code == 0
        assert config.read_bytes() == before
        assert len(lines) > 4
        assert not [line for line in lines if any(canary in line for canary in CANARIES)]

    @pytest.mark.parametrize(("user", "has"), [("token", "token"), ("keyed", "client-certificate-data")])
    @pytest.mark.parametrize("flags", [(), ("--force",), ("--force", "--dry-run")])
    def test_with_a_secret_in_the_file_is_never_replaced(
        self, sandbox: Sandbox, config: Path, user: str, has: str, flags: tuple[str, ...]
    ) -> None:
        before = config.read_bytes()
        done = sandbox.run("keywright", "install", "kube", "--user", user, "--profile", "aws-eks:prod", *flags)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == (
            f"keywright: {config}: the user {user} has a {has} of its own, which is never replaced; "
            "name another user with --user [configuration]\n"
        )
        assert config.read_bytes() == before

    @pytest.mark.slow
    def test_no_secret_of_the_file_is_shown_however_it_is_written(self, sandbox: Sandbox, config: Path) -> None:
        document = json.loads(
            sandbox.run(
                BIN / "kubectl", "config", "view", "--raw", "-o", "json", env={"KUBECONFIG": str(config)}
            ).stdout
        )
        for text in (json.dumps(document), f"# canary\n{FOREIGN}"):
            config.write_text(text)
            said = [
                sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod", *flags)
                for flags in (("--dry-run",), ())
            ]
            said.append(sandbox.run("keywright", "uninstall", "kube"))
            assert [done.code for done in said] == [0, 0, 0]
            assert "+- name: me" in said[0].stdout
            assert not has_canary(*said)

    def test_of_a_file_with_comments_is_told_that_they_go(self, sandbox: Sandbox, config: Path) -> None:
        config.write_text(f"# mine\n{FOREIGN}")
        done = sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod")
        assert f"kubectl keeps no comments: any in {config} is not in what it writes" in done.stderr

    def test_somebody_changed_since_is_left(self, sandbox: Sandbox, config: Path) -> None:
        sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod")
        sandbox.run(BIN / "kubectl", "config", "set-credentials", "me", "--exec-command=other")
        during = config.read_bytes()
        done = sandbox.run("keywright", "uninstall", "kube")
        assert (done.code, done.stdout) == (0, "")
        assert "users me was changed by somebody else; left as it is" in done.stderr
        assert config.read_bytes() == during

    def test_somebody_added_to_is_left(self, sandbox: Sandbox, config: Path) -> None:
        sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod")
        sandbox.run(BIN / "kubectl", "config", "set-credentials", "me", "--username=canary")
        done = sandbox.run("keywright", "uninstall", "kube")
        assert "users me is left as it is: somebody has added to it" in done.stderr

    def test_with_a_static_secret_is_served_at_its_own_cluster_alone(self, sandbox: Sandbox, config: Path) -> None:
        with KubernetesServer(authorises=lambda token: token == "sesame") as server:
            sandbox.settings(f'[profiles."static:lab"]\nurl = "{server.url}"\nsecret = "env://LAB_TOKEN"\n')
            assert sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "static:lab").code == 0
            authority = sandbox.write(sandbox.home / "ca.pem", server.ca_pem)
            for host, url in (("lab", server.url), ("other", server.url.replace("127.0.0.1", "localhost"))):
                words = (f"--server={url}", f"--certificate-authority={authority}", "--embed-certs=true")
                assert sandbox.run(BIN / "kubectl", "config", "set-cluster", host, *words).code == 0
                assert (
                    sandbox.run(BIN / "kubectl", "config", "set-context", host, "--user=me", f"--cluster={host}").code
                    == 0
                )
            got, refused = (
                sandbox.run(BIN / "kubectl", "--context", host, "get", "--raw", "/version", env={"LAB_TOKEN": "sesame"})
                for host in ("lab", "other")
            )
        assert (got.code, got.stderr) == (0, "")
        assert refused.code != 0
        assert f"it is for {server.url} alone" in refused.stderr

    def test_of_no_profile_is_refused(self, sandbox: Sandbox, config: Path) -> None:
        done = sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:none")
        assert (done.code, done.stdout) == (2, "")
        assert "there is no profile `aws-eks:none`" in done.stderr

    @pytest.mark.parametrize("content", ["{", "apiVersion: v1\nusers: canary\n", "\tx", "kind: Pod\n"])
    def test_of_a_broken_file_is_one_clear_line(self, sandbox: Sandbox, config: Path, content: str) -> None:
        config.write_text(content)
        done = sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod")
        assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"{config} is not a kubeconfig that kubectl can read" in done.stderr
        assert not has_canary(done)
        assert config.read_text() == content

    def test_of_a_linked_file_leaves_the_link(self, sandbox: Sandbox, config: Path) -> None:
        kept = sandbox.home / "dotfiles/kubeconfig"
        kept.parent.mkdir()
        config.rename(kept)
        config.symlink_to(kept)
        assert sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod").code == 0
        assert config.is_symlink()
        assert "me" in view(sandbox, kept)["users"]

    def test_leaves_nothing_beside_the_file(self, sandbox: Sandbox, config: Path) -> None:
        for flags in (("--dry-run",), ()):
            sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod", *flags)
        assert os.listdir(config.parent) == ["config"]


class TestAListOfFiles:
    @pytest.fixture
    def files(self, sandbox: Sandbox) -> list[Path]:
        """Three files of a `KUBECONFIG`, of which the first is not there."""
        sandbox.settings(PROFILE)
        files = [sandbox.home / name for name in ("none", "second", "third")]
        sandbox.write(files[1], "apiVersion: v1\nkind: Config\n")
        sandbox.write(files[2], FOREIGN)
        return files

    @pytest.fixture
    def install(self, sandbox: Sandbox, files: list[Path]) -> Callable[..., Done]:
        env = {"KUBECONFIG": ":".join(map(str, files))}
        return lambda *words: sandbox.run("keywright", "install", "kube", *words, env=env)

    def test_a_new_user_goes_where_kubectl_makes_one(
        self, sandbox: Sandbox, files: list[Path], install: Callable[..., Done]
    ) -> None:
        assert install("--user", "me", "--profile", "aws-eks:prod").code == 0
        assert "me" in view(sandbox, files[1])["users"]
        assert files[2].read_text() == FOREIGN

    def test_a_user_is_looked_for_in_all(self, files: list[Path], install: Callable[..., Done]) -> None:
        done = install("--user", "sso", "--profile", "aws-eks:prod")
        assert done.code == 2
        assert f"{files[2]}: users sso is taken" in done.stderr

    def test_a_user_in_two_is_asked_about(self, files: list[Path], install: Callable[..., Done]) -> None:
        files[1].write_text(FOREIGN)
        done = install("--user", "sso", "--profile", "aws-eks:prod", "--force")
        assert done.code == 2
        assert f"{files[1]} and {files[2]} both have such an entry; say which with --kubeconfig" in done.stderr

    @pytest.mark.slow
    def test_the_current_context_is_set_where_it_is(
        self, sandbox: Sandbox, eks: dict[str, str], files: list[Path]
    ) -> None:
        env = {**eks, "KUBECONFIG": ":".join(map(str, files))}
        before = view(sandbox, files[2])
        done = sandbox.run("keywright", "install", "kube", "--eks", "prod", "--region", REGION, env=env)
        assert done.code == 0, done.stderr
        told = sandbox.run(BIN / "kubectl", "config", "current-context", env=env)
        assert told.stdout == f"{ARN}\n"
        assert ARN in view(sandbox, files[1])["contexts"]
        assert view(sandbox, files[2])["current"] == ARN
        assert sandbox.run("keywright", "uninstall", "kube").code == 0
        assert view(sandbox, files[2]) == before


KUBERC: Final = """\
# mine
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
credentialPluginPolicy: Allowlist
credentialPluginAllowlist:
  - command: /opt/bin/other # the office's
defaults: []
"""
NOT_PERMITTED: Final = "is not permitted by the credential plugin allowlist"


class TestTheAllowList:
    """Of kubectl's own preferences. A kubectl before 1.36 has none that it could be asked about."""

    @pytest.fixture
    def asks(self, sandbox: Sandbox, eks: dict[str, str]) -> Iterator[Callable[[], Done]]:
        """Asks a cluster, once keywright is set up for it, with the kubectl of this environment."""
        env = {**eks, "PATH": f"{BIN}:{sandbox.env['PATH']}"}
        with KubernetesServer(authorises=is_eks_token) as server:
            authority = sandbox.write(sandbox.home / "ca.pem", server.ca_pem)

            def ask() -> Done:
                words = ("config", "set-cluster", ARN, f"--server={server.url}", f"--certificate-authority={authority}")
                assert sandbox.run(BIN / "kubectl", *words, "--embed-certs=true", env={"KUBERC": "off"}).code == 0
                return sandbox.run(BIN / "kubectl", "get", "pods", env=env)

            yield ask

    @pytest.mark.slow
    def test_that_lacks_our_plugin_is_given_it_and_loses_it_again(
        self, sandbox: Sandbox, eks: dict[str, str], asks: Callable[[], Done]
    ) -> None:
        path, words = sandbox.home / ".kube/kuberc", ("install", "kube", "--eks", "prod", "--region", REGION)
        assert sandbox.run("keywright", *words, env=eks).code == 0
        sandbox.write(path, KUBERC)
        refused = asks()
        assert refused.code == 1
        assert NOT_PERMITTED in refused.stderr
        done = sandbox.run("keywright", *words, "--force", env=eks)
        assert done.code == 0
        assert f"{path} names the plugins that kubectl may run: ours is added to them" in done.stderr
        line = f"  - command: {find_program('kube-credential-keywright')}\n"
        assert path.read_text() == KUBERC.replace("defaults", f"{line}defaults")
        assert asks().code == 0
        assert sandbox.run("keywright", "uninstall", "kube").code == 0
        assert path.read_text() == KUBERC

    @pytest.mark.slow
    def test_is_made_only_where_it_is_asked_for(
        self, sandbox: Sandbox, eks: dict[str, str], asks: Callable[[], Done]
    ) -> None:
        path, words = sandbox.home / ".kube/kuberc", ("install", "kube", "--eks", "prod", "--region", REGION)
        assert sandbox.run("keywright", *words, env=eks).code == 0
        assert not path.exists()
        done = sandbox.run("keywright", *words, "--kuberc", "--dry-run", env=eks)
        assert "+credentialPluginPolicy: Allowlist" in done.stdout
        assert not path.exists()
        assert sandbox.run("keywright", *words, "--kuberc", env=eks).code == 0
        assert asks().code == 0
        sandbox.write(path, path.read_text().replace("kube-credential-keywright", "another"))
        assert NOT_PERMITTED in asks().stderr
        sandbox.write(path, path.read_text().replace("another", "kube-credential-keywright"))
        assert sandbox.run("keywright", "uninstall", "kube", "--kuberc").code == 0
        assert not path.exists()
        assert asks().code == 0

    @pytest.mark.parametrize(
        ("policy", "words", "ends"),
        [
            ("DenyAll", (), (0, "forbids kubectl every plugin (DenyAll), and so this one; `kubectl kuberc set")),
            ("DenyAll", ("--kuberc",), (2, "forbids kubectl every plugin (DenyAll); `kubectl kuberc set")),
            ("AllowAll", (), (0, "")),
            ("AllowAll", ("--kuberc",), (2, "credentialPluginPolicy is taken by the policy AllowAll; --force")),
        ],
    )
    def test_leaves_another_policy_alone(
        self, sandbox: Sandbox, policy: str, words: Sequence[str], ends: tuple[int, str]
    ) -> None:
        code, told = ends
        sandbox.settings(PROFILE)
        text = f"apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: {policy}\n"
        path = sandbox.write(sandbox.home / ".kube/kuberc", text)
        done = sandbox.run("keywright", "install", "kube", "--user", "me", "--profile", "aws-eks:prod", *words)
        assert done.code == code
        assert told in done.stderr
        assert path.read_text() == text
        assert (path.parent / "config").exists() == (code == 0)

    def test_in_a_hand_that_is_not_edited_is_left_and_said_how_to_change(self, sandbox: Sandbox) -> None:
        text = KUBERC.replace("\n  - command: /opt/bin/other # the office's", " [{command: /opt/bin/other}]")
        path = sandbox.write(sandbox.home / ".kube/kuberc", text)
        done = sandbox.run("keywright", "install", "kube", "--kuberc")
        assert done.code == 2
        assert path.read_text() == text
        command = done.stderr.partition("run `")[2].partition("`")[0]
        assert sandbox.run("/bin/sh", "-c", command).code == 0
        assert sandbox.run("keywright", "install", "kube", "--kuberc").stdout == f"{path}: already set up\n"
