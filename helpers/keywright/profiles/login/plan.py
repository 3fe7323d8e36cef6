"""What a login needs to know: where to ask, as which client, and for what.

It comes from the command line, else from the profile's last login, else from what is known of the provider.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.errors import Unavailable, UsageError
from keywright.profiles.catalog import OAuthEndpoint, ProviderMetadata
from keywright.profiles.model import OAuth
from keywright.profiles.token_endpoint import CLIENT_SECRET, TOKEN_URL
from keywright.request import parse_url
from keywright.secret import Secret

AUTH_URL: Final = "auth_url"
DEVICE_URL: Final = "device_url"
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")  # RFC 6749, section 3.3
_CLIENT_ID: Final = re.compile(r"[ -~]{1,512}")  # RFC 6749, appendix A.1

ISSUERS: Final[Mapping[str, OAuthEndpoint]] = MappingProxyType(
    {
        "https://oauth2.googleapis.com/token": OAuthEndpoint(
            issuer="https://accounts.google.com",
            revocation_url="https://oauth2.googleapis.com/revoke",
            # Without the first there is no refresh token, without the second only at the very first consent.
            parameters=MappingProxyType({"access_type": "offline", "prompt": "consent"}),
        )
    }
)
"""What is known of an issuer by its token endpoint, whichever provider's it is."""


class Given(NamedTuple):
    """What the person said; what they did not say is empty.

    Attributes:
        client_id: the client to log in as.
        client_secret: that client's secret, where it has one.
        scopes: what to ask for.
        auth_url: where they consent.
        token_url: where codes are exchanged.
        device_url: where a device's code is got.
    """

    client_id: str = ""
    client_secret: Secret | None = None
    scopes: tuple[str, ...] = ()
    auth_url: str = ""
    token_url: str = ""
    device_url: str = ""


class Plan(NamedTuple):
    """One login.

    Attributes:
        token_url: where the code is exchanged.
        auth_url: where the person consents; empty if nobody knows.
        device_url: where a device's code is got; empty likewise.
        client_id: the client to log in as.
        client_secret: that client's secret; None for a public client.
        scopes: what is asked for.
        parameters: what else the person's browser is sent with.
        issuer: how the issuer names itself to the browser; empty if nobody knows.
        metadata: what the profile keeps beside its tokens, so that they can be renewed and the next login needs no
            options: what the catalog does not say.
    """

    token_url: str
    auth_url: str = ""
    device_url: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = MappingProxyType({})
    issuer: str = ""
    metadata: Mapping[str, Secret] = MappingProxyType({})


def plan_of(provider: ProviderMetadata, given: Given, before: OAuth | None = None) -> Plan:
    """Return how to log in at the provider; `before` is the profile's last grant.

    Raises:
        UsageError: something that was given cannot be.
        Unavailable: too little is known; the mend says what to add.
    """
    _check(given)
    kept = dict(before.metadata) if before else {}
    endpoint = provider.oauth_endpoint or OAuthEndpoint()
    places = {name: _place(name, given, kept) for name in (AUTH_URL, TOKEN_URL, DEVICE_URL)}
    token_url = places[TOKEN_URL] or endpoint.token_url
    auth_url = places[AUTH_URL] or endpoint.auth_url
    device_url = places[DEVICE_URL] or endpoint.device_url
    client_id = given.client_id or (before.client_id if before else "") or endpoint.client_id
    if not token_url or not (auth_url or device_url):
        raise Unavailable(
            f"nothing is known of where one logs in at {provider.name}",
            mend="add `--token-url`, and `--auth-url` or `--device-url`, or import a grant",
        )
    if not client_id:
        raise Unavailable(
            f"nothing is known of the client to log in as at {provider.name}",
            mend="register one there and add `--client-id ID`",
        )
    is_same_client = not given.client_id and not given.token_url
    secret = given.client_secret or (kept.get(CLIENT_SECRET) if is_same_client else None)
    known = ISSUERS.get(token_url, OAuthEndpoint())
    is_catalogs = token_url == endpoint.token_url
    return Plan(
        token_url=token_url,
        auth_url=auth_url,
        device_url=device_url,
        client_id=client_id,
        client_secret=secret,
        scopes=given.scopes or provider.all_scopes or (before.scopes if before else ()),
        parameters=(endpoint.parameters if is_catalogs else {}) or known.parameters,
        issuer=(endpoint.issuer if is_catalogs else "") or known.issuer,
        metadata={
            **{name: Secret(place) for name, place in places.items() if place},
            **({CLIENT_SECRET: secret} if secret else {}),
        },
    )


def revocation_url_of(endpoint: OAuthEndpoint | None, grant: OAuth) -> str:
    """Return where a grant is given back; empty if nobody knows. Nobody but its issuer is told of it."""
    endpoint = endpoint or OAuthEndpoint()
    kept = grant.metadata.get(TOKEN_URL)
    token_url = kept.reveal() if kept else endpoint.token_url
    own = endpoint.revocation_url if token_url == endpoint.token_url else ""
    return own or ISSUERS.get(token_url, OAuthEndpoint()).revocation_url


def _place(name: str, given: Given, kept: Mapping[str, Secret]) -> str:
    told = str(getattr(given, name))
    return told or (kept[name].reveal() if name in kept else "")


def _check(given: Given) -> None:
    for name in (AUTH_URL, TOKEN_URL, DEVICE_URL):
        text, option = str(getattr(given, name)), f"`--{name.replace('_', '-')}`"
        bare = text.partition("?")[0] if name == AUTH_URL else text
        place = parse_url(bare) if re.fullmatch(r"[!-~]*", text) else None
        if text and (place is None or not place.scheme):
            raise UsageError(f"{option} is not a URL", mend="write it as https://HOST/PATH")
        if text and place and place.scheme != "https" and not (place.scheme == "http" and place.is_loopback):
            raise UsageError(f"{option} must be https://", mend="http:// is for loopback only")
    if not all(map(_SCOPE.fullmatch, given.scopes)):
        raise UsageError("a `--scope` is no OAuth scope", mend="give one scope per option, without blanks")
    if given.client_id and not _CLIENT_ID.fullmatch(given.client_id):
        raise UsageError("the `--client-id` holds characters that no client's id has")
