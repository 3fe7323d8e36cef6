"""What decides whose AWS credentials botocore finds, without importing botocore.

Everything here is known before a fetch: the variables botocore reads, a digest of them for the cache key, and the
files whose change makes a kept credential somebody else's. The variables are AWS's own
(https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html) plus the older ones botocore still honours;
a test runs botocore and fails on one it reads that is not declared here.
"""

import os
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from keywright.hit import sha256, stamp
from keywright.providers.home import expand, home
from keywright.settings.model import AwsOptions

VARIABLES: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_*",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DATA_PATH",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_*",
    "AWS_ENDPOINT_URL*",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_IMDS_USE_IPV6",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
)
"""Every variable that changes whose credentials are found or who is asked; a trailing `*` makes a prefix."""

TOKEN_FILES: Final = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")

_NAMES: Final = frozenset(name for name in VARIABLES if not name.endswith("*"))
_PREFIXES: Final = tuple(name[:-1] for name in VARIABLES if name.endswith("*"))
_VARIABLE_IN_PATH: Final = r"\$(?:(?P<plain>[A-Za-z0-9_]+)|\{(?P<braced>[^}]*)\})"


class Identity(NamedTuple):
    """Whose credentials are wanted, as the settings say it.

    Attributes:
        aws_profile: a profile of the AWS config file; empty for botocore's default chain.
        role_arn: a role to assume with them; empty for none.
        external_id: the external id that role asks for.
        session_name: the role session's name.
        mfa_serial: the MFA device whose code that role asks for.
    """

    aws_profile: str
    role_arn: str
    external_id: str
    session_name: str
    mfa_serial: str

    @classmethod
    def of(cls, options: AwsOptions) -> "Identity":
        """Return the identity a provider's options name."""
        return cls(
            aws_profile=options.aws_profile,
            role_arn=options.role_arn,
            external_id=options.external_id,
            session_name=options.session_name or "keywright",
            mfa_serial=options.mfa_serial,
        )

    def facts(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return what it adds to a cache key: the settings in clear, the environment as a digest."""
        return {
            "aws_profile": self.aws_profile,
            "role_arn": self.role_arn,
            "external_id": self.external_id,
            "session_name": self.session_name,
            "mfa_serial": self.mfa_serial,
            "environment": digest(env),
        }

    def profile_name(self, env: Mapping[str, str]) -> str:
        """Return the profile botocore will use, for messages."""
        return self.aws_profile or env.get("AWS_DEFAULT_PROFILE") or env.get("AWS_PROFILE") or "default"


def is_declared(name: str) -> bool:
    """Tell whether `name` is one of `VARIABLES`."""
    return name in _NAMES or name.startswith(_PREFIXES)


def digest(env: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of every declared variable that is set and of the files they lead to.

    Values enter only the hash: the secret access key among them has 240 bits, so the digest tells nothing of it.
    """
    frames = [f"{name}\0{env[name]}\0" for name in sorted(env) if is_declared(name)]
    frames += [f"{path}\0" for path in (config_path(env), credentials_path(env), home(env))]
    name: str = sha256("".join(frames).encode("utf-8", "surrogateescape")).hexdigest()
    return name


def config_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of the AWS config file."""
    return _expanded(env.get("AWS_CONFIG_FILE", "~/.aws/config"), env)


def credentials_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of the AWS shared credentials file."""
    return _expanded(env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), env)


def sso_cache_path(name: str, env: Mapping[str, str]) -> str:
    """Return where `aws sso login` keeps the token of an SSO session, or of a start URL in the older form."""
    from hashlib import sha1

    file_name = sha1(name.encode(), usedforsecurity=False).hexdigest()
    return expand(f"~/.aws/sso/cache/{file_name}.json", env)


def login_cache_path(name: str, env: Mapping[str, str]) -> str:
    """Return where `aws login` keeps the token of a login session."""
    from hashlib import sha256 as sha256_of_bytes

    folder = env.get("AWS_LOGIN_CACHE_DIRECTORY", "~/.aws/login/cache")
    file_name = sha256_of_bytes(name.encode()).hexdigest()
    return f"{_expanded(folder, env)}/{file_name}.json"


def inputs(env: Mapping[str, str]) -> dict[str, str]:
    """Return the files known to decide the credentials, by absolute path, stamped now."""
    tokens = (env.get(name) for name in TOKEN_FILES)
    paths = [config_path(env), credentials_path(env), *(os.path.abspath(path) for path in tokens if path)]
    return {path: stamp(path) for path in paths}


def _expanded(path: str, env: Mapping[str, str]) -> str:
    """Return `path` as botocore reads it: `$NAME` and `${NAME}` filled in where they are set, then `~`."""
    filled = re.sub(_VARIABLE_IN_PATH, lambda m: env.get(m["plain"] or m["braced"], m[0]), path)
    return expand(filled, env)
