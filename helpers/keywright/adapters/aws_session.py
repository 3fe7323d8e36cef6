"""The AWS session of a profile's identity, for a program that speaks to AWS itself."""

from collections.abc import Mapping

from keywright.library.cached import CachedCredentialProvider
from keywright.providers.aws.profiles import session_of
from keywright.request import Request
from keywright.routes import named
from keywright.settings.model import Settings


def _session(settings: Settings, request: Request, env: Mapping[str, str]) -> tuple[Settings, Request]:
    """Return the same question about the session of the profile that was asked for."""
    session = session_of(named(settings, request.profile), env)
    return settings._replace(profiles={**settings.profiles, session.id: session}), request._replace(profile=session.id)


class SessionCredentialProvider(CachedCredentialProvider):
    """Gives the AWS keys that an AWS profile of the settings acts with: `aws-eks:NAME`, `aws-ecr:default`, ….

    What STS or SSO lends is the one entry of the cache that all profiles of the same identity, and all helpers, share:
    got once and renewed ahead. Keys that live long are read where they lie, and never cached. Nobody is ever asked
    anything. For botocore this goes through `keywright.adapters.botocore`. `aws-ecr:default` is botocore's own default
    chain.
    """

    _pick = staticmethod(_session)
