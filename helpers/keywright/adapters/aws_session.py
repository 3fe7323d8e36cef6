"""The AWS session of a profile's identity, for a program that speaks to AWS itself."""

import os
import time
from collections.abc import Callable, Mapping

from keywright.library.held import HeldProvider
from keywright.library.shared import Shared
from keywright.providers.aws.profiles import session_of
from keywright.request import Client, Request, Verb
from keywright.routes import named
from keywright.settings.model import Settings


class SessionCredentialProvider(HeldProvider):
    """Gives the AWS keys that an AWS profile of the settings acts with: `aws-eks:NAME`, `aws-ecr:default`, ….

    What STS or SSO lends is the one entry of the cache that all profiles of the same identity, and all helpers, share:
    got once and renewed ahead. Keys that live long are read where they lie, and never cached. Nobody is ever asked
    anything. For botocore this goes through `keywright.adapters.botocore`.
    """

    def __init__(
        self,
        profile: str,
        *,
        env: Mapping[str, str] | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Look at nothing yet.

        Args:
            profile: the id of an AWS profile of the settings, or `aws-ecr:default` for botocore's own default chain.
            env: the environment that names accounts and folders; by default the process's own, as it is at each look.
            now_s: the wall clock (epoch seconds).
        """
        self.profile = profile
        self._env = env
        self._clock_s = now_s
        request = Request(client=Client.PERSON, verb=Verb.GET, asked=profile, profile=profile)
        env_now = lambda: dict(os.environ if env is None else env)  # noqa: E731
        super().__init__(Shared(request, env_now, now_s, pick=_session), now_s)

    def __repr__(self) -> str:
        return f"SessionCredentialProvider({self.profile!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what it asks for, and nothing that it got: another process looks for itself."""
        return _again, (type(self), self.profile, self._env and dict(self._env))


def _again(
    kind: type[SessionCredentialProvider], profile: str, env: Mapping[str, str] | None
) -> SessionCredentialProvider:
    return kind(profile, env=env)


def _session(settings: Settings, request: Request, env: Mapping[str, str]) -> tuple[Settings, Request]:
    """Return the same question about the session of the profile that was asked for."""
    session = session_of(named(settings, request.profile), env)
    return settings._replace(profiles={**settings.profiles, session.id: session}), request._replace(profile=session.id)
