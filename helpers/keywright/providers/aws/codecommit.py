"""A password for one AWS CodeCommit repository, signed on this machine: no network where the keys are at hand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from keywright.credential import CacheKey, Credential
from keywright.errors import ConfigurationError, UsageError
from keywright.freshness import Margins
from keywright.providers.aws import environment, hosts
from keywright.providers.aws.environment import Identity
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.request import Url, parse_url
from keywright.secret import Secret
from keywright.settings.model import CodecommitOptions

if TYPE_CHECKING:
    from keywright.providers.aws.packed_keys import Keys
    from keywright.providers.aws.session import Account

NAME: Final = "aws-codecommit"
LIFETIME: Final = timedelta(minutes=15)
"""CodeCommit accepts a signature for 15 minutes."""
REFUSE_BEFORE: Final = timedelta(seconds=60)
"""A rejection is a 403, after which git neither erases nor asks again; and a long clone must not start on its last."""


class Repository(NamedTuple):
    """Where a password is for.

    Attributes:
        url: the repository, its path spelt as the client spells it; empty where git does not say.
        region: the region whose CodeCommit it is.
    """

    url: Url
    region: str


def repository_for(options: CodecommitOptions, url: Url | None) -> Repository:
    """Return the repository a password is asked for: the client's, else the one in the settings.

    Raises:
        UsageError: neither names one.
        ConfigurationError: the host is none of CodeCommit's and the profile has no `region`, or it is not https.
    """
    place = url or (parse_url(options.repository) if options.repository else None)
    if place is None:
        raise UsageError("aws-codecommit needs a repository's URL", mend="name one, or set `repository` in the profile")
    if place.scheme != "https" and not place.is_loopback:
        raise ConfigurationError(f"{place.host} is not asked over https, so no password is made for it")
    region = hosts.find_codecommit_region(place.host) or options.region
    if not hosts.is_region(region):
        raise ConfigurationError(
            f"{place.host} is not an AWS CodeCommit host",
            mend="mend the route that names an aws-codecommit profile for it, or set the profile's `region`",
        )
    return Repository(url=place, region=region)


class CodecommitProvider:
    """Mints passwords for one repository.

    Attributes:
        profile: the profile's id.
        options: the profile's table.
        repository: the repository, from `repository_for`.
        env: the caller's environment.
    """

    def __init__(
        self, *, profile: str, options: CodecommitOptions, repository: Repository, env: Mapping[str, str]
    ) -> None:
        self.profile = profile
        self.options = options
        self.repository = repository
        self.env = env

    @property
    def key(self) -> CacheKey:
        """The repository, its region, and whose credentials sign."""
        url = self.repository.url
        facts = {"host": url.host, "path": url.path, "region": self.repository.region}
        return CacheKey(provider=NAME, profile=self.profile, facts=facts | Identity.of(self.options).facts(self.env))

    @property
    def margins(self) -> Margins:
        """Refused in its last 60 s."""
        return Margins(refuse_default=REFUSE_BEFORE)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The AWS files known before botocore is asked."""
        return environment.inputs(self.env)

    @property
    def parent(self) -> Parent | None:
        """The role's or SSO's session, where there is one and something can be signed with it."""
        from keywright.providers.aws.profiles import parent_of

        if not self.repository.url.path:
            return None
        return parent_of(self.options, self.repository.region, self.env, LIFETIME)

    def fetch(
        self,
        now: datetime,
        timeout_s: float,
        memory: Mapping[str, str],  # noqa: ARG002 - the contract's
        aid: Aid = ALONE,
    ) -> Minted:
        """Sign a password as of `now`. Waits for the network only if the credentials have to be fetched.

        Raises:
            ConfigurationError: git does not say which repository it is for, or the AWS config.
            Unavailable: there are no usable AWS credentials.
            Refused: AWS was asked for credentials and said no.
            Unreachable: AWS was asked for credentials and did not answer.
            NeedsPerson: a login or an MFA code is wanted.
        """
        from keywright.providers.aws.packed_keys import unpack

        url, region = self.repository.url, self.repository.region
        if not url.path:
            raise ConfigurationError(
                "a CodeCommit password is for one repository, and git did not say which",
                mend=f"run `git config --global credential.{url.scheme}://{url.host}.useHttpPath true`",
            )
        if aid.parent is not None:
            return self._sign(unpack(aid.parent), aid.parent.expires_at, now)._replace(inputs=self.inputs)
        from keywright.providers.aws.session import act_as

        def mint(account: "Account") -> Minted:
            return self._sign(account.keys, account.expires_at, now)._replace(inputs=account.inputs)

        return act_as(Identity.of(self.options), region, self.env, timeout_s, mint, aid)

    def _sign(self, keys: "Keys", keys_end_at: datetime | None, now: datetime) -> Minted:
        from keywright.providers.aws.git_password import git_password, username_of

        url = self.repository.url
        password = git_password(keys, host=url.name, path=f"/{url.path}", region=self.repository.region, now=now)
        expires_at = now + LIFETIME
        if keys_end_at is not None:  # a password dies with the session that signed it
            expires_at = min(expires_at, keys_end_at)
        credential = Credential(
            secret=Secret(password), username=username_of(keys), issued_at=now, expires_at=expires_at
        )
        return Minted(credential=credential)
