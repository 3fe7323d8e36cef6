"""What is known of a provider before anybody has an account there: how it is proved to, where, and how it is asked.

A catalog is a value. Those that come with keywright are in `keywright.profiles.built_in`, those that a person adds are
read by `keywright.profiles.custom`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.errors import ProfileNotFound, Unavailable
from keywright.profiles.mode import Mode

SECRET: Final = "{secret}"  # noqa: S105 - the place of one in a template
"""Where the secret goes in a header's template."""
BEARER: Final = f"Authorization: Bearer {SECRET}"
"""How an OAuth access token is sent, whoever issued it (RFC 6750, section 2.1)."""
_SUGGESTED: Final = ("default", "work", "personal")


class OAuthEndpoint(NamedTuple):
    """Where an OAuth grant is got, and for what.

    Attributes:
        auth_url: where a person consents; empty where the provider publishes none.
        token_url: where codes and refresh tokens are exchanged; empty likewise.
        scopes: what is asked for, in this order.
        device_url: where a device asks for a code that a person types elsewhere (RFC 8628); empty likewise.
        revocation_url: where a grant is given back (RFC 7009); empty likewise.
        issuer: how the provider names itself in its answer to a browser (RFC 9207); empty where nobody knows.
        client_id: the public client that a login is made as; empty where each person registers one of their own.
        parameters: what the provider wants to be asked besides (RFC 6749, section 8.2).
    """

    auth_url: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    device_url: str = ""
    revocation_url: str = ""
    issuer: str = ""
    client_id: str = ""
    parameters: Mapping[str, str] = MappingProxyType({})


class LiveTest(NamedTuple):
    """The question that tells a good secret from a bad one: any 2xx status is a yes.

    Attributes:
        method: GET or HEAD, which change nothing.
        url: where it is asked; its host is one of the provider's.
    """

    method: str
    url: str

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class ProviderMetadata(NamedTuple):
    """One provider.

    Attributes:
        name: what its profiles' ids begin with, in lower case.
        label: its name for people.
        description: what it is, in a few words.
        modes: how one can prove who one is there, the preferred one first.
        env_key: the environment variable that its tools read the secret from; empty for none.
        website: where a person gets a secret.
        scopes: OAuth scopes, where `oauth_endpoint` has none.
        oauth_endpoint: where an OAuth grant is got; None where nothing is known of it.
        parent_provider: the provider that this one is a service of; empty for none.
        hosts: the only hosts its secret may be sent to, in the normal form of `keywright.request.parse_host`.
        headers: the HTTP headers that a request there needs, such as `x-api-key: {secret}`; exactly one has the place
            of the secret. Empty where it goes by HTTP Basic alone.
        username: the name that goes with the secret in HTTP Basic (git, docker); empty where it is the person's own.
        validate: how a secret is tested live; None where it cannot be.
        cooldown_bypass: whether a failure at one of its profiles keeps none of them from being tried.
    """

    name: str
    label: str
    description: str = ""
    modes: tuple[Mode, ...] = ()
    env_key: str = ""
    website: str = ""
    scopes: tuple[str, ...] = ()
    oauth_endpoint: OAuthEndpoint | None = None
    parent_provider: str = ""
    hosts: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    username: str = ""
    validate: LiveTest | None = None
    cooldown_bypass: bool = False

    @property
    def all_scopes(self) -> tuple[str, ...]:
        """The OAuth scopes to ask for: the endpoint's, else the provider's own."""
        return (self.oauth_endpoint.scopes if self.oauth_endpoint else ()) or self.scopes

    def headers_for(self, mode: Mode) -> tuple[str, ...]:
        """Return the headers' templates for a secret of that mode: an OAuth access token is always a bearer."""
        if mode is not Mode.OAUTH:
            return self.headers
        return (BEARER, *(header for header in self.headers if SECRET not in header))


class Catalog(NamedTuple):
    """Some providers. Names are given in any case.

    Attributes:
        providers: by name, sorted.
        stamps: the files that decided it, with the stamps (`keywright.hit.stamp`) from before they were read.
    """

    providers: Mapping[str, ProviderMetadata]
    stamps: Mapping[str, str] = MappingProxyType({})

    def knows(self, name: str) -> bool:
        """Return whether there is a provider of that name."""
        return name.lower() in self.providers

    def get(self, name: str) -> ProviderMetadata:
        """Return the provider of that name.

        Raises:
            ProfileNotFound: there is none.
        """
        found = self.providers.get(name.lower())
        if found is None:
            raise ProfileNotFound(f"unknown provider: {name}")
        return found

    def names(self) -> tuple[str, ...]:
        """Return all names, sorted."""
        return tuple(self.providers)

    def by_mode(self, mode: Mode) -> tuple[ProviderMetadata, ...]:
        """Return the providers that support the mode, sorted by name."""
        return tuple(provider for provider in self.providers.values() if mode in provider.modes)

    def supports(self, name: str, mode: Mode) -> bool:
        """Return whether there is such a provider and it supports the mode."""
        return self.knows(name) and mode in self.get(name).modes

    def oauth_scopes(self, provider: str, service: str = "") -> tuple[str, ...]:
        """Return the scopes to ask for: those of the provider named `PROVIDER-SERVICE`, else the provider's.

        Raises:
            ProfileNotFound: there is no such provider.
            Unavailable: it has no scopes.
        """
        parent = self.get(provider)
        own = self.providers.get(f"{parent.name}-{service.lower()}") if service else None
        scopes = (own.all_scopes if own else ()) or parent.all_scopes
        if not scopes:
            raise Unavailable(f"no OAuth scopes defined for provider {provider}")
        return scopes

    def with_scopes(self, name: str) -> ProviderMetadata:
        """Return the provider with the scopes to ask for as its own.

        Raises:
            ProfileNotFound: there is none.
        """
        found = self.get(name)
        return found._replace(scopes=found.all_scopes)

    def suggested_names(self, provider: str) -> tuple[str, ...]:
        """Return what a person may call their profiles there; `default` alone where the provider is unknown."""
        return _SUGGESTED if self.knows(provider) else _SUGGESTED[:1]

    def bypasses_cooldown(self, provider: str) -> bool:
        """Return whether the provider of exactly that name is asked again however often it has just failed.

        openrouter is, by its nature, once somebody has added it: it chooses among many providers itself.
        """
        found = self.providers.get(provider)
        return found is not None and found.cooldown_bypass


def catalog_of(providers: Iterable[ProviderMetadata], stamps: Mapping[str, str] = MappingProxyType({})) -> Catalog:
    """Return the catalog of these providers, whose names differ."""
    by_name = {provider.name: provider for provider in sorted(providers, key=lambda one: one.name)}
    return Catalog(MappingProxyType(by_name), MappingProxyType(dict(stamps)))
