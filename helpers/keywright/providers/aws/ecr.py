"""A password for Amazon ECR registries, good for 12 hours.

GetAuthorizationToken (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html):

    > POST / HTTP/1.1
    > X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken
    > {"registryIds": ["123456789012"]}
    < {"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA==", "expiresAt": 1.7000432E9,
    <                         "proxyEndpoint": "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com"}]}

The token is `AWS:<password>` in base64. ECR Public answers with one object instead of a list, in us-east-1 alone.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from keywright.credential import CacheKey, Credential
from keywright.errors import ConfigurationError, Unreachable, UsageError
from keywright.freshness import Margins
from keywright.providers.aws import environment
from keywright.providers.aws.environment import Identity
from keywright.providers.aws.hosts import EcrRegistry, EcrService, find_registry
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.providers.minting import checked_token, reckon_expiry
from keywright.request import Url, parse_url
from keywright.settings.model import EcrOptions

if TYPE_CHECKING:
    from keywright.providers.aws.session import Account

NAME: Final = "aws-ecr"
LIFETIME: Final = timedelta(hours=12)
"""What ECR documents, for an answer without `expiresAt`."""


def registry_for(options: EcrOptions, url: Url | None) -> EcrRegistry:
    """Return the registry a password is asked for: the client's, else the one in the settings.

    Raises:
        UsageError: neither names one.
        ConfigurationError: the host is no Amazon ECR registry, so a route led here that should not.
    """
    place = url or (parse_url(options.registry) if options.registry else None)
    if place is None:
        raise UsageError("aws-ecr needs a registry host", mend="name one, or set `registry` in the profile")
    registry = find_registry(place.host if place.scheme else place.host.removesuffix(":443"))
    if registry is None:
        raise ConfigurationError(
            f"{place.host} is not an Amazon ECR registry", mend="mend the route that names an aws-ecr profile for it"
        )
    return registry


class EcrProvider:
    """Mints passwords for one registry.

    Attributes:
        profile: the profile's id.
        options: the profile's table.
        registry: the registry, from `registry_for`.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, options: EcrOptions, registry: EcrRegistry, env: Mapping[str, str]) -> None:
        self.profile = profile
        self.options = options
        self.registry = registry
        self.env = env

    @property
    def key(self) -> CacheKey:
        """Registry, the endpoint that mints for it, and whose credentials ask."""
        facts = {
            "service": self.registry.service.value,
            "account": self.registry.account,
            "region": self.registry.region,
            "fips": "yes" if self.registry.is_fips else "no",
        }
        return CacheKey(provider=NAME, profile=self.profile, facts=facts | Identity.of(self.options).facts(self.env))

    @property
    def margins(self) -> Margins:
        """No floors: docker asks again for every pull."""
        return Margins()

    @property
    def inputs(self) -> Mapping[str, str]:
        """The AWS files known before botocore is asked."""
        return environment.inputs(self.env)

    @property
    def parent(self) -> Parent | None:
        """The role's or SSO's session, where there is one. A password outlives it."""
        from keywright.providers.aws.profiles import parent_of

        return parent_of(self.options, self.registry.region, self.env)

    def fetch(
        self,
        now: datetime,
        timeout_s: float,
        memory: Mapping[str, str],  # noqa: ARG002 - the contract's
        aid: Aid = ALONE,
    ) -> Minted:
        """Ask ECR for a password. One call, after those that AWS credentials may need.

        Raises:
            ConfigurationError: the AWS config, or an endpoint over plain http.
            Unavailable: there are no usable AWS credentials.
            Refused: AWS was asked and said no.
            Unreachable: AWS did not answer in time or not in its own protocol.
            NeedsPerson: a login or an MFA code is wanted.
        """
        from keywright.providers.aws.session import act_as

        identity = Identity.of(self.options)
        return act_as(
            identity, self.registry.region, self.env, timeout_s, lambda account: self._mint(account, now), aid
        )

    def _mint(self, account: "Account", now: datetime) -> Minted:
        answer = self._ask(account)
        username, secret = _decode(_authorization(answer).get("authorizationToken"))
        return Minted(
            credential=Credential(
                secret=checked_token(secret, "ECR"),
                username=username,
                issued_at=now,
                expires_at=_expiry(answer, now),
            ),
            inputs=account.inputs,
        )

    def _ask(self, account: "Account") -> dict[str, Any]:
        from botocore.config import Config

        config = Config(
            region_name=self.registry.region,
            use_fips_endpoint=self.registry.is_fips or None,
            use_dualstack_endpoint=self.registry.is_dual_stack or None,
        )
        client = account.client(self.registry.service.value, config)
        wishes = {"registryIds": [self.registry.account]} if self.registry.service is EcrService.PRIVATE else {}
        try:
            return dict(client.get_authorization_token(**wishes))
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
            # botocore's parser takes the shape of an answer for granted.
            raise Unreachable("ECR answered in no protocol of its own") from None


def _authorization(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the one authorization in an answer, in a list (ECR) or by itself (ECR Public); empty if there is none."""
    found = answer.get("authorizationData")
    if isinstance(found, list):
        found = found[0] if found else None
    return found if isinstance(found, dict) else {}


def _decode(token: object) -> tuple[str, str]:
    """Return user name and password. The password may hold colons, the name may not.

    Raises:
        Unreachable: it is not base64 of such a pair.
    """
    try:
        text = base64.b64decode(token, validate=True).decode("ascii") if isinstance(token, str) else ""
    except ValueError:
        text = ""
    username, colon, password = text.partition(":")
    if not colon or not username.isalnum():
        raise Unreachable("ECR answered with something that is no token")
    return username, password


def _expiry(answer: dict[str, Any], now: datetime) -> datetime:
    from keywright.transport import parse_http_date

    expires_at = _authorization(answer).get("expiresAt")
    if not isinstance(expires_at, datetime) or expires_at.tzinfo is None:
        return now + LIFETIME
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return reckon_expiry(now, expires_at, parse_http_date(headers.get("date", "")), LIFETIME)
