"""`keywright provider list`, `show` and `scopes`: what is known of the providers.

    $ keywright provider list --mode oauth
    NAME       LABEL           MODES           VARIABLE
    anthropic  Anthropic       api_key, oauth  ANTHROPIC_API_KEY
    gemini     Google Gemini   oauth, api_key  GOOGLE_API_KEY

With `--json` one document: a list has six facts of each provider, `show` all there are; what is empty is left out.
"""

import json
from collections.abc import Mapping
from typing import Final

from keywright.log import one_line
from keywright.profiles.catalog import ProviderMetadata
from keywright.profiles.custom import load_catalog, locate
from keywright.profiles.mode import Mode

SCHEMA: Final = 1
_HEAD: Final = ("NAME", "LABEL", "MODES", "VARIABLE")


def listed(mode: str | None, env: Mapping[str, str], *, as_json: bool) -> str:
    """Return the table, or the JSON document, of the providers that support the mode; None for all.

    Raises:
        ConfigurationError: a provider's file is wrong.
    """
    catalog = load_catalog(locate(env))
    found = tuple(catalog.providers.values()) if mode is None else catalog.by_mode(Mode(mode))
    if as_json:
        return json.dumps({"schema": SCHEMA, "providers": [_summary(provider) for provider in found]}, indent=2)
    rows = [(one.name, one.label, ", ".join(one.modes), one.env_key) for one in found]
    return _columns([_HEAD, *rows])


def shown(name: str, env: Mapping[str, str], *, as_json: bool) -> str:
    """Return the lines, or the JSON document, of one provider.

    Raises:
        ProfileNotFound: there is none of that name.
        ConfigurationError: a provider's file is wrong.
    """
    folder = locate(env)
    catalog = load_catalog(folder)
    provider = catalog.get(name)
    endpoint = _filled(provider.oauth_endpoint._asdict()) if provider.oauth_endpoint else {}
    path = f"{folder}/{provider.name}.toml"
    facts = provider._asdict() | {
        "oauth_endpoint": endpoint,
        "validate": str(provider.validate or ""),
        "file": path if path in catalog.stamps else "",
    }
    if as_json:
        return json.dumps({"schema": SCHEMA, **_filled(facts)}, indent=2)
    del facts["oauth_endpoint"]
    return _columns([(key, _words(value)) for key, value in _filled(facts | endpoint).items()])


def scopes(name: str, service: str, env: Mapping[str, str], *, as_json: bool) -> str:
    """Return the scopes that a login asks for, one per line, or the JSON document.

    Raises:
        ProfileNotFound: there is no such provider.
        Unavailable: it has no scopes.
        ConfigurationError: a provider's file is wrong.
    """
    found = load_catalog(locate(env)).oauth_scopes(name, service)
    if as_json:
        return json.dumps({"schema": SCHEMA, "provider": name.lower(), "service": service, "scopes": found}, indent=2)
    return "\n".join(found)


def _summary(provider: ProviderMetadata) -> dict[str, object]:
    return {
        "name": provider.name,
        "label": provider.label,
        "description": provider.description,
        "modes": list(provider.modes),
        "env_key": provider.env_key,
        "website": provider.website,
    }


def _filled(facts: Mapping[str, object]) -> dict[str, object]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in facts.items() if value}


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    return "yes" if value is True else str(value)


def _columns(rows: list[tuple[str, ...]]) -> str:
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
