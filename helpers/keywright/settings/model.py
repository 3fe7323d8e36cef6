"""The settings as values. Each setting is documented where it is declared; the shape is a contract with users."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.freshness import Margins
from keywright.request import Client, Url
from keywright.settings.turns import CooldownRules, Preference

VAULT: Final = "vault://"
"""How a setting names a secret of the vault instead of a file: `vault://NAME`."""
ENV: Final = "env://"
"""How a setting names an environment variable that holds a secret: `env://NAME`."""


class EksOptions(NamedTuple):
    """`[profiles."aws-eks:NAME"]`: a token for one Amazon EKS cluster."""

    cluster: str
    """The cluster's name, as in `aws eks describe-cluster --name`."""
    region: str
    """The cluster's region, such as `eu-central-1`; its STS host signs the token."""
    aws_profile: str = ""
    """A profile of `~/.aws/config`; empty for botocore's own default chain."""
    role_arn: str = ""
    """A role to assume first."""
    external_id: str = ""
    """The external id that role asks for."""
    session_name: str = ""
    """The role session's name; empty for `keywright`."""
    mfa_serial: str = ""
    """The MFA device whose code that role asks for, such as `arn:aws:iam::111122223333:mfa/ann`."""
    url_expires_s: int = 60
    """`X-Amz-Expires` of the presigned URL in seconds, 1 to 900. STS itself accepts the URL for 15 minutes."""


class EcrOptions(NamedTuple):
    """`[profiles."aws-ecr:NAME"]`: a password for Amazon ECR registries. Account and region come from the host."""

    registry: str = ""
    """The registry's host, for `keywright token`; a client always names its own."""
    aws_profile: str = ""
    """A profile of `~/.aws/config`; empty for botocore's own default chain."""
    role_arn: str = ""
    """A role to assume first."""
    external_id: str = ""
    """The external id that role asks for."""
    session_name: str = ""
    """The role session's name; empty for `keywright`."""
    mfa_serial: str = ""
    """The MFA device whose code that role asks for, such as `arn:aws:iam::111122223333:mfa/ann`."""


class CodecommitOptions(NamedTuple):
    """`[profiles."aws-codecommit:NAME"]`: passwords for AWS CodeCommit repositories. The host names the region."""

    repository: str = ""
    """The repository's URL, for `keywright token`; git always names its own."""
    region: str = ""
    """The region of a host that does not name one: an alias of a VPC endpoint, say. With it any host of a route will
    do."""
    aws_profile: str = ""
    """A profile of `~/.aws/config`; empty for botocore's own default chain."""
    role_arn: str = ""
    """A role to assume first."""
    external_id: str = ""
    """The external id that role asks for."""
    session_name: str = ""
    """The role session's name; empty for `keywright`."""
    mfa_serial: str = ""
    """The MFA device whose code that role asks for, such as `arn:aws:iam::111122223333:mfa/ann`."""


class SessionOptions(NamedTuple):
    """What identifies an AWS session that several profiles share. It is made by itself and never written by hand."""

    aws_profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    session_name: str = ""
    mfa_serial: str = ""


class GithubAppOptions(NamedTuple):
    """`[profiles."github-app:NAME"]`: an installation token of a GitHub App."""

    app_id: str
    """The app's id or client id: the JWT's `iss`."""
    private_key: str
    """The path of the app's private key, PKCS#1 or PKCS#8 PEM; `~` is the home folder. Or `vault://NAME`."""
    installation_id: int | None = None
    """The installation's number; or give `owner`."""
    owner: str = ""
    """The organisation or user the app is installed for; its installation is looked up once and cached."""
    api_url: str = "https://api.github.com"
    """The API's base, the only place an API host comes from; `http://` to loopback only."""
    repositories: tuple[str, ...] = ()
    """Names of repositories to narrow the token to; empty for all the installation has."""
    permissions: Mapping[str, str] = MappingProxyType({})
    """Permissions to narrow the token to, such as `contents = "read"`; empty for all."""


class AccessKeyOptions(NamedTuple):
    """`[profiles."access-key:NAME"]`: a short-lived token that a long-lived access key is traded for."""

    url: str
    """The token endpoint, such as `https://auth.example/api/authorise`; `http://` to loopback only."""
    key: str
    """Where the access key is: `env://NAME`, `file:///absolute/path`, `file://~/path` or `vault://NAME`."""
    audience: str = ""
    """Whom the token is to be for, in the endpoint's own terms; empty to leave it to the endpoint."""
    site: str = ""
    """The only place the token may be sent to, such as `https://git.example`; empty for wherever a route says."""
    username: str = ""
    """The user name that goes with the token; empty for a bearer token."""


class StaticOptions(NamedTuple):
    """`[profiles."static:NAME"]`: a secret that is there already, for one place."""

    url: str
    """The place it is for, such as `https://git.example` or docker's `registry.example:5000`; it goes nowhere else."""
    secret: str
    """Where it is: `env://NAME`, `file:///absolute/path`, `file://~/path` or `vault://NAME`."""
    username: str = ""
    """The user name that goes with it; empty for a bearer token."""


class KeptOptions(NamedTuple):
    """What the settings know of a profile that `keywright profile add` made: nothing. It lies in the vault."""


AwsOptions = CodecommitOptions | EcrOptions | EksOptions | SessionOptions
Options = AccessKeyOptions | AwsOptions | GithubAppOptions | KeptOptions | StaticOptions

OPTIONS: Final[dict[str, type[Options]]] = {
    "access-key": AccessKeyOptions,
    "aws-codecommit": CodecommitOptions,
    "aws-ecr": EcrOptions,
    "aws-eks": EksOptions,
    "aws-session": SessionOptions,
    "github-app": GithubAppOptions,
    "static": StaticOptions,
}
"""The table of settings of each provider."""

WRITTEN: Final = tuple(name for name in OPTIONS if name != "aws-session")
"""The providers that a person writes profiles of."""


MARGINS: Final = ("renew_before", "refuse_before")
"""The settings that every profile that mints may have: durations such as `3m`."""
RANKS: Final = ("priority", "fallback")
"""The settings that every profile may have, whatever its provider."""


class Profile(NamedTuple):
    """One account at one provider.

    Attributes:
        id: `provider:name`.
        options: the provider's own settings.
        renew_before: renew this long before expiry; None for the provider's rule.
        refuse_before: stop serving this long before expiry; None for the provider's rule.
        priority: higher is offered first, among the profiles of a route.
        fallback: the profiles that may stand in for it, in this order.
    """

    id: str
    options: Options
    renew_before: timedelta | None = None
    refuse_before: timedelta | None = None
    priority: int = 0
    fallback: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The provider's name: the id up to its colon."""
        return self.id.partition(":")[0]

    @property
    def only_for(self) -> str:
        """The only place its secret may be sent to, as the settings write it; empty for wherever a route says."""
        match self.options:
            case StaticOptions(url=place) | AccessKeyOptions(site=place):
                return place
        return ""

    def margins(self, own: Margins) -> Margins:
        """Return the provider's `own` margins with this profile's wishes added."""
        return own._replace(renew_before=self.renew_before, refuse_before=self.refuse_before)


class Route(NamedTuple):
    """Which profiles serve which requests.

    Attributes:
        client: whose requests; one of git, docker and kube.
        url: where the credential is for. A host label `*` stands for one whole label; a path matches as a prefix of
            whole components. Without a scheme (docker) only the host and path count.
        profiles: profile ids, of the settings or of the vault.
        prefer: the rule that says which is tried first; None for higher priorities first, and else as written.
    """

    client: Client
    url: Url
    profiles: tuple[str, ...]
    prefer: Preference | None = None


class Settings(NamedTuple):
    """Everything the user decided.

    Attributes:
        source: the file it was read from, or would be; absolute.
        stamp: that file's stamp (`keywright.hit.stamp`) from before it was read.
        profiles: by id.
        routes: in the order written.
        default_preference: the order of profiles where nothing else says one.
        cooldown: how long a profile rests after a failure.
    """

    source: str
    stamp: str
    profiles: Mapping[str, Profile] = MappingProxyType({})
    routes: tuple[Route, ...] = ()
    default_preference: Preference = Preference.VALID
    cooldown: CooldownRules = CooldownRules()
