"""The places that the pages speak of, on loopback under their real names: a proxy leads each name to its stand-in."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from fakes.access_keys import AccessKeyIssuer
from fakes.codecommit import CodeCommit
from fakes.sts import Sts
from keywright.demo.certificate import make_certificate
from keywright.demo.ecr import EcrIssuer
from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.git_server import GitServer
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.demo.issuer import LoopbackServer
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.registry import RegistryServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused
from keywright.demo.tunnel import Tunnel

REGION: Final = "eu-central-1"
ACCOUNT: Final = "111122223333"
ECR: Final = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
CODECOMMIT: Final = f"git-codecommit.{REGION}.amazonaws.com"
KEY: Final = AccessKey(id="AKIA0000000000000000", secret="demo" * 10)
TYPED: Final = "correct-horse-battery"
"""What somebody types wherever a command of a page asks for a secret, and what every place takes from them."""


class Network(NamedTuple):
    """What a page's home reaches.

    Attributes:
        env: how its programs find everything.
        app_key: the private key (PEM) of the GitHub App that is installed for acme.
        cluster: the one Kubernetes cluster.
    """

    env: Mapping[str, str]
    app_key: str
    cluster: KubernetesServer


class Eks(LoopbackServer):
    """EKS's `DescribeCluster`: every name is the one cluster there is."""

    def __init__(self, cluster: KubernetesServer) -> None:
        super().__init__({"GET /clusters/{name}": self._describe})
        self._cluster = cluster

    def _describe(self, call: Call) -> Reply:
        name = call.values["name"]
        described = {
            "name": name,
            "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}",
            "endpoint": self._cluster.url,
            "certificateAuthority": {"data": b64encode(self._cluster.ca_pem.encode()).decode()},
            "status": "ACTIVE",
        }
        return json_reply(200, {"cluster": described})


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Serve it all, for the length of a `with` block; `folder` takes the authority's certificate."""
    app, names = AppKey.generate(), (CODECOMMIT, ECR, "public.ecr.aws", "api.github.com", "github.com")
    own = ("auth.example", "git.example", "registry.example", "api.openai.com")
    certificate = make_certificate(*names, *own)
    tls, authority = certificate.tls, folder / "authority.pem"
    authority.write_text(certificate.ca_pem)
    sts, code_commit = Sts(), CodeCommit(CODECOMMIT, "/v1/repos/app", REGION, ())
    code_commit.keys = _Keys(sts)
    with ExitStack() as stack:
        installations = (Installation(id=789, owner="acme"),)
        github = GitHubIssuer(app_id="123456", public_key=app.public_pem, installations=installations)
        trading = AccessKeyIssuer(keys=(TYPED,), audiences=("https://lake.example",))
        models = LoopbackServer({"GET /v1/models": lambda _call: json_reply(200, {"data": []})})
        for server in (github, trading, models):
            server._tls = tls
        ecr = stack.enter_context(EcrIssuer(keys=(KEY,), region=REGION))
        cluster = stack.enter_context(KubernetesServer(authorises=lambda token: _is_good(token, sts)))
        served: dict[str, LoopbackServer] = {
            "api.github.com": github,
            "auth.example": trading,
            "api.openai.com": models,
            "github.com": GitServer(authorises=lambda _user, token: github.accepts(token) or token == TYPED, tls=tls),
            "git.example": GitServer(authorises=lambda _user, secret: secret == TYPED, tls=tls),
            CODECOMMIT: GitServer(authorises=code_commit.accepts, repositories=("v1/repos/app",), tls=tls),
            ECR: RegistryServer(authorises=ecr.accepts, tls=tls),
            "public.ecr.aws": RegistryServer(authorises=ecr.accepts, tls=tls),
            "registry.example": RegistryServer(authorises=lambda _user, secret: secret == TYPED, tls=tls),
        }
        for server in (*served.values(), sts, eks := Eks(cluster)):
            stack.enter_context(server)
        tunnel = stack.enter_context(Tunnel("", 0))
        tunnel.ports = {name: int(server.host.rpartition(":")[2]) for name, server in served.items()}
        env = {
            "HTTPS_PROXY": tunnel.url,
            "NO_PROXY": "127.0.0.1",
            "SSL_CERT_FILE": str(authority),
            "GIT_SSL_CAINFO": str(authority),
            "AWS_ENDPOINT_URL_ECR": ecr.url,
            "AWS_ENDPOINT_URL_ECR_PUBLIC": ecr.url,
            "AWS_ENDPOINT_URL_EKS": eks.url,
            "AWS_ENDPOINT_URL_STS": sts.url,
        }
        yield Network(env, app.private_pem, cluster)


class _Keys:
    """Our own access key, and those that were lent so far."""

    def __init__(self, sts: Sts) -> None:
        self._sts = sts

    def __iter__(self) -> Iterator[AccessKey]:
        return iter((KEY, *self._sts.keys))


def _is_good(token: str, sts: Sts) -> bool:
    try:
        EksTokenVerifier((KEY, *sts.keys)).verify(token, "prod", datetime.now(UTC))
    except TokenRefused:
        return False
    return True
