"""The store: what clients hand over to be kept, in the vault, given back as it was.

git's `approve` and docker's `login` hand over what a person typed. One record of the vault each, filed under its place
so that a locked vault can still say that it holds nothing for a host:

    name    git https://ann@git.example/team/app.git        place  git https://git.example
    content {"scheme": "https", "host": "git.example", "path": "team/app.git", "username": "ann", "secret": "…",
             "authtype": "", "expires_at_unix_s": null, "refresh_token": null, "spelling": "https://git.example"}

git asks by scheme and host, and by path and user name where it says them (`credential_match` in git's credential.c:
what it does not say fits everything). docker asks by a server's name, which it spells with and without `https://`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from keywright.credential import Credential, Kept
from keywright.errors import VaultUnusable
from keywright.request import Client, Handed, Request, Url
from keywright.secret import Secret

if TYPE_CHECKING:
    from keywright.vault.records import Record, Records
    from keywright.vault.vault import Vault

CLIENTS: Final = (Client.GIT, Client.DOCKER)
"""Whose passwords are kept."""


class Item(NamedTuple):
    """One record, read.

    Attributes:
        url: the scheme and host it is for; docker's with its path.
        path: git's path, as git spelt it; None if it did not say.
        username: None if it did not say, which differs from empty.
        secret: the password, or the whole credential of `handed.authtype`.
        handed: what else was handed over.
        spelling: the client's own spelling of the place.
    """

    url: Url
    path: str | None
    username: str | None
    secret: Secret
    handed: Handed
    spelling: str

    def expires_by(self, now: datetime) -> bool:
        """Whether it has expired at `now`."""
        return self.handed.expires_at_s is not None and self.handed.expires_at_s <= now.timestamp()


class Store:
    """The passwords of one user's clients."""

    def __init__(self, vault: "Vault") -> None:
        self._vault = vault

    def find(self, request: Request, now: datetime) -> Credential | None:
        """Return what was handed over last of all that fits the request; None if nothing does.

        Of what has expired only the refresh token is given back, if there is one: git lets the next helper use it.

        Raises:
            VaultLocked: there is something for this place, and the vault is locked.
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        place = place_of(request)
        if not place or not self._vault.holds(place):
            return None
        items = [item for _, item in _fitting(self._vault.open(), request)]
        usable = [item for item in items if not item.expires_by(now) or item.handed.refresh_token is not None]
        return _credential(usable[0], now) if usable else None

    def keep(self, request: Request, now: datetime) -> None:
        """Keep what the client hands over; what is incomplete, ephemeral or past is ignored, as git's own helpers do.

        The same again changes nothing, so that git, which hands back what it was given after each success, writes once.

        Raises:
            VaultLocked: nothing was kept.
            VaultUnusable: nothing was kept.
            Busy: other processes kept the vault locked for too long.
        """
        url, handed, place = request.url, request.handed, place_of(request)
        is_whole = request.password is not None and (request.username is not None or handed.authtype)
        if url is None or request.password is None or not is_whole or handed.is_ephemeral or not place:
            return
        item = Item(url, request.path, request.username, request.password, handed, request.asked)
        if item.expires_by(now):
            return
        with self._vault.edit() as records:
            latest = records.find(place)[:1]
            if request.client is Client.GIT and latest and latest[0].name != _name(request):
                records.remove(_name(request))  # so that it is the latest, although it may be the same as before
            records.put(_name(request), Secret(_dump(item)), place)

    def erase(self, request: Request) -> int:
        """Forget what fits the request and, where it names a secret, holds that very secret; return how many went.

        A late rejection of an old password never costs the newer one (git's commit aeb21ce22e).

        Raises:
            VaultLocked: there is something for this place, and nothing was forgotten.
            VaultUnusable: nothing was forgotten.
            Busy: other processes kept the vault locked for too long.
        """
        place = place_of(request)
        if not place or not self._vault.holds(place):
            return 0
        erased = 0
        with self._vault.edit() as records:
            for record, item in _fitting(records, request):
                if request.password is None or request.password == item.secret:
                    erased += records.remove(record.name)
        return erased

    def listed(self) -> list[Item]:
        """Return everything that docker's clients handed over, in the order of its spelling.

        Raises:
            VaultLocked: the vault is locked.
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        records = self._vault.open()
        found = [records.get(name) for name in records.names() if name.startswith(f"{Client.DOCKER.value} ")]
        return sorted((_load(record) for record in found if record), key=lambda item: item.spelling)


def place_of(request: Request) -> str:
    """Return what the request's records are filed under; empty for what is never kept."""
    url = request.url
    if url is None or request.client not in CLIENTS:
        return ""
    if request.client is Client.DOCKER:  # it leaves `https://` out as it likes
        return f"docker {url.host if url.scheme == 'http' else url.host.removesuffix(':443')}"
    return f"git {url.scheme}://{url.host}"


def _name(request: Request) -> str:
    """Return the record's name: different for all that differs to the client, and fit to be read in a list."""
    from urllib.parse import quote

    url = request.url
    if url is None:
        return ""
    if request.client is Client.DOCKER:
        return f"docker {url}"
    # The authtype stands where the user name would: a token without one is another record than a password.
    user = "" if request.username is None else f"{quote(request.username, safe='', errors='surrogateescape')}@"
    path = "" if request.path is None else f"/{quote(request.path, safe='/', errors='surrogateescape')}"
    return f"git {url.scheme}://{user}{url.host}{path}"


def _fitting(records: "Records", request: Request) -> "list[tuple[Record, Item]]":
    """Return the records that fit the request, the one that was kept last first."""
    pairs = [(record, _load(record)) for record in records.find(place_of(request))]
    if request.client is Client.DOCKER:
        wanted = request.url
        return sorted(
            ((record, item) for record, item in pairs if wanted is not None and _is_same_server(wanted, item.url)),
            key=lambda pair: pair[1].url != wanted,  # of `reg` and `https://reg` the one that was asked for
        )
    username, path = request.username, request.path
    return [(record, item) for record, item in pairs if username in {None, item.username} and path in {None, item.path}]


def _is_same_server(wanted: Url, stored: Url) -> bool:
    if wanted == stored:
        return True
    if wanted.path != stored.path or not {wanted.scheme, stored.scheme} <= {"", "https"}:
        return False
    return wanted.host.removesuffix(":443") == stored.host.removesuffix(":443")


def _credential(item: Item, now: datetime) -> Credential:
    expires_at_s = item.handed.expires_at_s
    is_spent = item.expires_by(now)
    return Credential(
        secret=item.secret,
        username=item.username,
        issued_at=now,
        expires_at=None if expires_at_s is None or is_spent else datetime.fromtimestamp(expires_at_s, UTC),
        kept=Kept(authtype=item.handed.authtype, refresh_token=item.handed.refresh_token, is_spent=is_spent),
    )


def _dump(item: Item) -> str:
    refresh_token = item.handed.refresh_token
    document = {
        "scheme": item.url.scheme,
        "host": item.url.host,
        "path": item.path if item.path is not None else item.url.path or None,
        "username": item.username,
        "secret": item.secret.reveal(),
        "authtype": item.handed.authtype,
        "expires_at_unix_s": item.handed.expires_at_s,
        "refresh_token": None if refresh_token is None else refresh_token.reveal(),
        "spelling": item.spelling,
    }
    return json.dumps(document)


def _load(record: "Record") -> Item:
    try:
        document: Mapping[str, Any] = json.loads(record.secret.reveal())
        path, refresh_token = document["path"], document["refresh_token"]
        is_docker = record.name.startswith("docker ")
        return Item(
            url=Url(document["scheme"], document["host"], (path or "") if is_docker else ""),
            path=path,
            username=document["username"],
            secret=Secret(document["secret"]),
            handed=Handed(
                authtype=document["authtype"],
                expires_at_s=document["expires_at_unix_s"],
                refresh_token=None if refresh_token is None else Secret(refresh_token),
            ),
            spelling=document["spelling"],
        )
    except (ValueError, KeyError, TypeError):  # its text would quote the record
        raise VaultUnusable(
            f"the vault's record `{record.name}` is of another version", mend="upgrade keywright, or remove it"
        ) from None
