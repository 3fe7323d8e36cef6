"""Which providers there are: one literal table. Each maker imports its provider inside itself."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from keywright.errors import ProviderNotFound, RefreshNotSupported
from keywright.providers.aws.environment import VARIABLES as AWS_VARIABLES
from keywright.providers.base import Provider, Reader
from keywright.request import Request, Url
from keywright.settings.model import (
    WRITTEN,
    AccessKeyOptions,
    CodecommitOptions,
    EcrOptions,
    EksOptions,
    GithubAppOptions,
    KeptOptions,
    Profile,
    SessionOptions,
    StaticOptions,
)

if TYPE_CHECKING:
    from keywright.profiles.model import AuthProfile

Maker = Callable[[Profile, Url | None, Mapping[str, str]], Provider]
"""Makes the provider of a profile, for the place a credential is asked for and in the caller's environment."""

Kind = TypeVar("Kind")


def _access_key(profile: Profile, _url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.access_key import AccessKeyProvider

    return AccessKeyProvider(profile=profile.id, options=_options(profile, AccessKeyOptions), env=env)


def _aws_codecommit(profile: Profile, url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.aws.codecommit import CodecommitProvider, repository_for

    options = _options(profile, CodecommitOptions)
    return CodecommitProvider(profile=profile.id, options=options, repository=repository_for(options, url), env=env)


def _aws_ecr(profile: Profile, url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.aws.ecr import EcrProvider, registry_for

    options = _options(profile, EcrOptions)
    return EcrProvider(profile=profile.id, options=options, registry=registry_for(options, url), env=env)


def _aws_eks(profile: Profile, _url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.aws.eks import EksProvider

    return EksProvider(profile=profile.id, options=_options(profile, EksOptions), env=env)


def _aws_session(profile: Profile, _url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.aws.role_session import SessionProvider

    return SessionProvider(profile=profile.id, options=_options(profile, SessionOptions), region="", env=env)


def _github_app(profile: Profile, _url: Url | None, env: Mapping[str, str]) -> Provider:
    from keywright.providers.github_app import GithubAppProvider

    return GithubAppProvider(profile=profile.id, options=_options(profile, GithubAppOptions), env=env)


PROVIDERS: Final[dict[str, Maker]] = {
    "access-key": _access_key,
    "aws-codecommit": _aws_codecommit,
    "aws-ecr": _aws_ecr,
    "aws-eks": _aws_eks,
    "aws-session": _aws_session,
    "github-app": _github_app,
}
"""Who mints."""


def _static(profile: Profile, env: Mapping[str, str]) -> Reader:
    from keywright.providers.static import StaticProvider

    return StaticProvider(options=_options(profile, StaticOptions), env=env)


READERS: Final[dict[str, Callable[[Profile, Mapping[str, str]], Reader]]] = {"static": _static}
"""Who hands out what is there already."""

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "access-key": ("HOME",),
    "aws-codecommit": AWS_VARIABLES,
    "aws-ecr": AWS_VARIABLES,
    "aws-eks": AWS_VARIABLES,
    "aws-session": AWS_VARIABLES,
    "github-app": ("HOME",),
}
"""The environment variables that change what each minting provider returns; a trailing `*` makes a prefix.

Proxies are not among them: they change the way to the issuer, not its answer. Nor is the one that an access key's
`env://NAME` names: it is in the cache key, and no answer is kept ready (`keywright.ready`).
"""


def make(profile: Profile, url: Url | None, env: Mapping[str, str]) -> Provider:
    """Return the provider of `profile`.

    Args:
        profile: an account of the settings.
        url: where the credential is for, its path spelt as the client spells it (`Request.place`); None where the
            client names no place.
        env: the caller's environment.

    Raises:
        ProviderNotFound: the profile's id names no provider.
        RefreshNotSupported: it mints nothing (`find_reader`).
        ConfigurationError: the profile cannot serve `url`.
        UsageError: this provider needs a place, and neither `url` nor the settings name one.
    """
    maker = PROVIDERS.get(profile.provider)
    if profile.provider in READERS or isinstance(profile.options, KeptOptions):
        raise RefreshNotSupported(f"{profile.id} is read where it is kept, for each request: there is nothing to renew")
    if maker is None:
        raise ProviderNotFound(f"there is no provider {profile.provider!r}", mend=f"known are {', '.join(WRITTEN)}")
    return maker(profile, url, env)


def make_for(profile: Profile, request: Request, env: Mapping[str, str]) -> Provider:
    """Return the provider of `profile`, whose credential is to be handed out for the request.

    Raises:
        ConfigurationError: what it mints is for another place (`keywright.providers.bound`), or as `make`.
        KeywrightError: as `make`.
    """
    if profile.only_for:
        from keywright.providers.bound import stop_elsewhere

        stop_elsewhere(profile.only_for, request, setting="site")
    return make(profile, request.place, env)


def find_reader(profile: Profile, env: Mapping[str, str], kept: "AuthProfile | None" = None) -> Reader | None:
    """Return the reader of `profile`; None if its provider mints.

    `env` is the caller's environment; `kept` is what the vault holds of it, where that was looked up already.
    """
    if isinstance(profile.options, KeptOptions):
        from keywright.providers.kept import KeptProvider

        return KeptProvider(profile=profile.id, env=env, kept=kept)
    maker = READERS.get(profile.provider)
    return maker(profile, env) if maker else None


def _options(profile: Profile, kind: type[Kind]) -> Kind:
    if not isinstance(profile.options, kind):
        raise TypeError(f"{profile.id} holds the options of another provider")
    return profile.options
