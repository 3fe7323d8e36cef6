"""A profile's credential from the cache that all helpers share, held in memory between two looks at it."""

import os
import time
from collections.abc import Callable, Mapping

from keywright.errors import UsageError
from keywright.library.held import HeldProvider
from keywright.library.shared import Pick, Shared, as_asked
from keywright.request import Client, Request, Url, Verb, parse_url


class CachedCredentialProvider(HeldProvider):
    """Gives a profile's credential: what `keywright token PROFILE` prints, without a process for each.

    It comes from the cache of all helpers and is renewed there, one process at a time, in the same order of accounts
    and with the same memory of failures. A renewal, a logout or a changed setting of another process is seen within a
    second. Nobody is ever asked anything.

        >>> github = CachedCredentialProvider("github-app:acme")
        >>> github.current().secret
        <secret>
    """

    _pick: Pick = staticmethod(as_asked)

    def __init__(
        self,
        profile: str,
        *,
        url: str | None = None,
        env: Mapping[str, str] | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Look at nothing yet.

        Args:
            profile: the profile's id, such as `github-app:acme`.
            url: where the credential is for, which some profiles need, such as a registry's host.
            env: the environment that names accounts and folders; by default the process's own, as it is at each look.
            now_s: the wall clock (epoch seconds).

        Raises:
            UsageError: `url` is none.
        """
        self.profile = profile
        self.url = url
        self._env = env
        place = _place(url)
        request = Request(client=Client.PERSON, verb=Verb.GET, asked=profile, profile=profile, url=place)
        super().__init__(Shared(request, lambda: dict(os.environ if env is None else env), now_s, self._pick), now_s)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.profile!r}{f', url={self.url!r}' if self.url else ''})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what it asks for, and nothing that it got: another process looks for itself."""
        return _again, (type(self), self.profile, self.url, self._env and dict(self._env))


def _again(
    kind: type[CachedCredentialProvider], profile: str, url: str | None, env: Mapping[str, str] | None
) -> CachedCredentialProvider:
    return kind(profile, url=url, env=env)


def _place(url: str | None) -> Url | None:
    place = parse_url(url) if url is not None else None
    if url is not None and place is None:
        raise UsageError("the `url` is not a URL of scheme, host, port and path")
    return place
