"""The session that STS or SSO lends to an identity: got once, kept as an entry of its own, and shared.

Ten clusters, a registry and a repository of one account act in the same role. Asking STS for it once for each would
be ten calls, and ten MFA codes. The entry's user name is the access key's id, its secret the rest (`packed_keys`).
Only what is lent and ends is kept: a key that lives long never reaches the cache.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from keywright.credential import CacheKey, Credential
from keywright.freshness import Margins
from keywright.providers.aws import environment, hosts
from keywright.providers.aws.environment import Identity
from keywright.providers.aws.packed_keys import pack
from keywright.providers.base import ALONE, Aid, Minted
from keywright.settings.model import SessionOptions

if TYPE_CHECKING:
    from keywright.providers.aws.session import Account

NAME: Final = "aws-session"
RENEW_FLOOR: Final = timedelta(minutes=16)
"""botocore's own clients renew inside the last 15 minutes, and children of 15 minutes are not to be cut short."""
REGION: Final = "us-east-1"
"""Whose STS is asked where nothing names a region; its sessions are good in all of the partition."""


class SessionProvider:
    """Gets the session of one identity, whichever credential it is for.

    Attributes:
        profile: the session's id, such as `aws-session:deploy`.
        options: the identity.
        region: whose STS to ask; empty for the one asked before, or the environment's.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, options: SessionOptions, region: str, env: Mapping[str, str]) -> None:
        self.profile = profile
        self.options = options
        self.region = region
        self.env = env

    @property
    def key(self) -> CacheKey:
        """Whose session it is, and nothing of what it is used for."""
        return CacheKey(provider=NAME, profile=self.profile, facts=Identity.of(self.options).facts(self.env))

    @property
    def margins(self) -> Margins:
        """Renewed 16 minutes ahead."""
        return Margins(renew_floor=RENEW_FLOOR)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The AWS files known before botocore is asked."""
        return environment.inputs(self.env)

    @property
    def parent(self) -> None:
        """None: what this session is lent for is the identity's own business."""

    def fetch(self, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        """Ask STS or SSO for the session, and let an answer in `aid` be the MFA code.

        Raises:
            ConfigurationError: the AWS config, or an endpoint over plain http.
            Unavailable: there are no usable AWS credentials.
            Refused: AWS was asked and said no.
            Unreachable: AWS did not answer in time or not in its own protocol.
            NeedsPerson: a login or an MFA code is wanted.
        """
        from keywright.providers.aws.session import act_as

        region = self._region(memory)
        identity = Identity.of(self.options)
        minted = act_as(identity, region, self.env, timeout_s, lambda account: _pack(account, now), aid)
        return minted._replace(memory={"region": region})

    def _region(self, memory: Mapping[str, str]) -> str:
        wishes = (self.region, memory.get("region"), self.env.get("AWS_REGION"), self.env.get("AWS_DEFAULT_REGION"))
        return next((wish for wish in wishes if wish and hosts.is_region(wish)), REGION)


def _pack(account: "Account", now: datetime) -> Minted:
    return Minted(
        credential=Credential(
            secret=pack(account.credentials),
            username=account.credentials.access_key,
            issued_at=now,
            expires_at=account.expires_at,
        ),
        inputs=account.inputs,
        is_kept=account.is_lent,
    )
