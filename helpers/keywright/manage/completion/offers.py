"""What the shell offers for an argument or an option's value: ids, names, modes and places.

Each looks at files alone: nothing is asked of the network, of a keyring, or of a person.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import click

from keywright.errors import KeywrightError

Offer = Callable[[click.Context, click.Parameter, str], list[str]]
"""How click asks: with the words so far, the parameter, and the beginning of the word that is being typed."""


def known_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles whose ids begin like that; of a locked vault none."""
    return _beginning(incomplete, _known())


def possible_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return ids that a new profile may have, by provider."""
    return _beginning(incomplete, _possible())


def provider_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the providers there are, one's own included."""
    return _beginning(incomplete, _providers())


def ids_or_providers(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return profiles, or with `--auto` providers."""
    return _beginning(incomplete, _providers() if context.params.get("is_auto") else _known())


def providers_then_name(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return providers; and once one is typed, unless it is one of many, the names of its profiles."""
    typed = context.params.get("names") or ()
    if context.params.get("is_all") or not typed:
        return _beginning(incomplete, _providers())
    return _beginning(incomplete, (id_.partition(":")[2] for id_ in _known() if id_.startswith(f"{typed[0]}:")))


def modes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the ways to prove who one is."""
    from keywright.profiles.mode import Mode

    return _beginning(incomplete, (mode.value for mode in Mode))


def vault_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of a person's own secrets in the vault; of a locked one none."""
    return _beginning(incomplete, _secrets())


def secret_references(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the same as settings name them: `vault://NAME`."""
    return _beginning(incomplete, (f"vault://{name}" for name in _secrets()))


def document_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the documents that `--json` prints."""
    from keywright.manage.schema.documents import DOCUMENTS

    return [] if context.params.get("command") else _beginning(incomplete, iter(DOCUMENTS))


def routed_places(client: str) -> Offer:
    """Return what offers the places that the settings' routes name for a client."""

    def offer(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        return _beginning(incomplete, _routed(client))

    return offer


def _known() -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.settings.load import load, locate

        yield from load(locate(os.environ)).profiles
    with suppress(KeywrightError):
        from keywright.profiles.kept import KeptProfiles

        if _opens_silently():
            yield from KeptProfiles(os.environ).all()


def _possible() -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.profiles.custom import load_catalog, locate

        catalog = load_catalog(locate(os.environ))
        for provider in catalog.names():
            yield from (f"{provider}:{name}" for name in catalog.suggested_names(provider))


def _providers() -> Iterator[str]:
    from keywright.profiles.built_in import BUILT_IN
    from keywright.profiles.custom import load_catalog, locate

    try:
        yield from load_catalog(locate(os.environ)).names()
    except KeywrightError:
        yield from BUILT_IN.names()


def _secrets() -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.vault.vault import open_vault

        if _opens_silently():
            yield from (name for name in open_vault(os.environ).open().names() if " " not in name)


def _routed(client: str) -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.settings.load import load, locate

        for route in load(locate(os.environ)).routes:
            if route.client.value == client and "*" not in route.url.host:
                yield f"{route.url.scheme}://{route.url.host}" if route.url.scheme else route.url.host


def _opens_silently() -> bool:
    """Whether the vault can be opened with nobody asked: an OS keyring that is locked would ask for its password."""
    from keywright.cache.folder import PrivateFolder
    from keywright.vault.keys import Kind, kind_of
    from keywright.vault.vault import as_vault, open_vault

    vault = open_vault(os.environ)
    document = vault.read()
    if document is None:
        return False
    if kind_of(vault.path, document) is not Kind.KEYRING:
        return True
    from keywright.vault.held import time_left

    with as_vault():
        return time_left(PrivateFolder.open(vault.folder), document.id) is not None


def _beginning(incomplete: str, words: Iterator[str]) -> list[str]:
    return sorted({word for word in words if word.startswith(incomplete)})
