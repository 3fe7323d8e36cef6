"""What the shell offers where a command wants a profile: the ids there are, or those that one may add."""

import os
from collections.abc import Iterator
from contextlib import suppress

import click

from keywright.errors import KeywrightError


def known_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles whose ids begin like that; of a locked vault none."""
    return _beginning(incomplete, _known())


def possible_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return ids that a new profile may have, by provider."""
    return _beginning(incomplete, _possible())


def _known() -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.settings.load import load, locate

        yield from load(locate(os.environ)).profiles
    with suppress(KeywrightError):
        from keywright.profiles.kept import KeptProfiles

        yield from KeptProfiles(os.environ).all()


def _possible() -> Iterator[str]:
    with suppress(KeywrightError):
        from keywright.profiles.custom import load_catalog, locate

        catalog = load_catalog(locate(os.environ))
        for provider in catalog.names():
            yield from (f"{provider}:{name}" for name in catalog.suggested_names(provider))


def _beginning(incomplete: str, ids: Iterator[str]) -> list[str]:
    return sorted({id_ for id_ in ids if id_.startswith(incomplete)})
