"""A token for one Amazon EKS cluster, signed on this machine: no network where the credentials are at hand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from keywright.credential import CacheKey, Credential
from keywright.freshness import Margins
from keywright.providers.aws import environment, hosts
from keywright.providers.aws.environment import Identity
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.secret import Secret
from keywright.settings.model import EksOptions

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

    from keywright.providers.aws.session import Account

NAME: Final = "aws-eks"
LIFETIME: Final = timedelta(minutes=15)
"""STS accepts a presigned URL for 15 minutes from its `X-Amz-Date`, whatever its `X-Amz-Expires`."""
RENEW_FLOOR: Final = timedelta(minutes=7)
"""The Python Kubernetes client asks again once less than 5 minutes are left."""
REFUSE_BEFORE: Final = timedelta(seconds=60)
"""As `aws eks get-token`, which reports 14 minutes."""
TOKEN_AT_MOST: Final = 4096
"""aws-iam-authenticator's limit: https://github.com/kubernetes-sigs/aws-iam-authenticator/issues/1106."""


class EksProvider:
    """Mints tokens for the cluster its options name.

    Attributes:
        profile: the profile's id.
        options: the profile's table.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, options: EksOptions, env: Mapping[str, str]) -> None:
        self.profile = profile
        self.options = options
        self.env = env

    @property
    def key(self) -> CacheKey:
        """Cluster, region and whose credentials sign."""
        facts = {
            "cluster": self.options.cluster,
            "region": self.options.region,
            "url_expires_s": str(self.options.url_expires_s),
        }
        return CacheKey(provider=NAME, profile=self.profile, facts=facts | Identity.of(self.options).facts(self.env))

    @property
    def margins(self) -> Margins:
        """Renewed 7 minutes ahead, refused in its last 60 s."""
        return Margins(renew_floor=RENEW_FLOOR, refuse_default=REFUSE_BEFORE)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The AWS files known before botocore is asked."""
        return environment.inputs(self.env)

    @property
    def parent(self) -> Parent | None:
        """The role's or SSO's session, where there is one."""
        from keywright.providers.aws.profiles import parent_of

        return parent_of(self.options, self.options.region, self.env, LIFETIME)

    def fetch(
        self,
        now: datetime,
        timeout_s: float,
        memory: Mapping[str, str],  # noqa: ARG002 - the contract's
        aid: Aid = ALONE,
    ) -> Minted:
        """Sign a token as of `now`. Waits for the network only if the credentials have to be fetched.

        Raises:
            ConfigurationError: the region, or the AWS config.
            Unavailable: there are no usable AWS credentials.
            Refused: AWS was asked for credentials and said no.
            Unreachable: AWS was asked for credentials and did not answer.
            NeedsPerson: a login or an MFA code is wanted.
        """
        identity, region = Identity.of(self.options), self.options.region
        host = hosts.sts_host(region)

        def mint(account: "Account") -> Minted:
            return self._sign(account.credentials, account.expires_at, host, now)._replace(inputs=account.inputs)

        if aid.parent is not None:
            from botocore.credentials import ReadOnlyCredentials

            from keywright.providers.aws.packed_keys import unpack

            return self._sign(ReadOnlyCredentials(*unpack(aid.parent)), aid.parent.expires_at, host, now)
        from keywright.providers.aws.session import act_as

        return act_as(identity, region, self.env, timeout_s, mint, aid)

    def _sign(self, keys: "ReadOnlyCredentials", keys_end_at: datetime | None, host: str, now: datetime) -> Minted:
        from keywright.providers.aws.presign import eks_token

        token = eks_token(
            keys,
            host=host,
            region=self.options.region,
            cluster=self.options.cluster,
            expires_s=self.options.url_expires_s,
            now=now,
        )
        expires_at = now + LIFETIME
        if keys_end_at is not None:  # a token dies with the session that signed it
            expires_at = min(expires_at, keys_end_at)
        notes = []
        if len(token) > TOKEN_AT_MOST:
            notes.append(
                f"the token has {len(token)} characters; clusters whose aws-iam-authenticator takes {TOKEN_AT_MOST} "
                "will refuse it: use credentials with a shorter session token"
            )
        credential = Credential(secret=Secret(token), issued_at=now, expires_at=expires_at)
        return Minted(credential=credential, inputs=self.inputs, notes=tuple(notes))
