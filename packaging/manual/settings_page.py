"""The page of `config.toml`: each setting as it is documented where it is declared (`keywright.settings`)."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from typing import Final, NamedTuple, get_type_hints

from keywright.settings.model import OPTIONS, WRITTEN
from keywright.settings.turns import OVERRIDES, SPANS, CooldownRules, Preference
from page_facts import tell_files, tell_see_also
from roff import Page

_EXAMPLE: Final = """\
version = 1

[profiles."aws-eks:prod"]
cluster = "prod"
region = "eu-central-1"
role_arn = "arn:aws:iam::111122223333:role/deploy"
renew_before = "7m"

[profiles."github-app:acme"]
app_id = "123456"
private_key = "~/keys/acme.pem"
owner = "acme"

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]
"""
TOP: Final = {
    "version": "Always 1; required.",
    '[profiles."PROVIDER:NAME"]': f"An account at an issuer. PROVIDER is one of {', '.join(WRITTEN)}; NAME has letters,"
    " digits and `. _ @ -`.",
    "[[routes]]": "Which profiles serve which place.",
    "default_preference": "The order that `keywright resolve` goes by, as `prefer` below; `valid` by default.",
    "[cooldown]": "How long a profile rests after a failure.",
}
"""The keys of the top level."""
ANY: Final = {
    "provider": "May repeat what stands before the colon.",
    "priority": "A whole number; higher is tried first. 0 by default.",
    "fallback": "Profiles that may stand in for it, in this order; of the settings or of the vault.",
    "renew_before": "Renew when this much is left: `90s`, `7m`, `1h30m`. Up to 95 % of the lifetime; not for static.",
    "refuse_before": "Never hand it out when only this much is left; not longer than `renew_before`; not for static.",
}
"""The keys of any profile."""
ROUTE: Final = {
    "client": "`git`, `docker`, or `kube` for the plugin's `cluster`; required.",
    "url": "Where the credential is for. git: `https://HOST/PATH`; docker: `HOST`; kube: the API server's. A host label"
    " `*` is any one label; a path covers what lies below it. The longest path wins, then the host with fewer stars."
    " Required.",
    "profiles": "Profiles of the settings or of the vault, tried in this order; required.",
    "prefer": "Another order of them, below.",
}
"""The keys of a route."""
_ORDERS: Final = {
    Preference.DEFAULT: "The one named `default`; then by priority; then by name.",
    Preference.VALID: "What has not expired; then by priority; then the one used last.",
    Preference.RECENT: "The one used last.",
    Preference.TYPE: "OAuth, token, API key, and in turns within a kind.",
}


class Field(NamedTuple):
    """A setting as it is declared.

    Attributes:
        kind: its type, in TOML's words.
        text: what it is.
        default: what it is without being written, as TOML writes it; empty where that needs no words.
        is_needed: whether it has to be written.
    """

    kind: str
    text: str
    default: str
    is_needed: bool


def page(date: str, source: str) -> Page:
    """Return `keywright-config.5`."""
    made = Page("keywright-config", 5, "the settings of keywright, config.toml", date=date, source=source)
    made.head("DESCRIPTION")
    made.say(
        "One TOML file says which accounts there are (profiles) and which of them serve which place (routes). It is"
        " checked strictly: an unknown key is an error that names the nearest one. Without it the executables still"
        " answer for Amazon EKS, ECR and CodeCommit, with what the AWS command line would use."
    )
    made.say("A change is seen by the very next call. `keywright profile` edits the file, comments and all.")
    _list(made, "TOP LEVEL", TOP)
    _list(made, "ANY PROFILE", ANY)
    for provider in WRITTEN:
        options = OPTIONS[provider]
        made.head(f'[profiles."{provider}:NAME"]')
        made.say(_about(options))
        for name, field in fields_of(options).items():
            ends = " Required." if field.is_needed else f" The default is {field.default}." if field.default else ""
            made.define(f"{name} = {field.kind}", field.text + ends)
    _list(made, "ROUTES", ROUTE)
    made.subhead("prefer")
    for preference in Preference:
        made.define(preference.value, _ORDERS[preference])
    made.head("COOLDOWN")
    made.say(
        f"Zero and less leave the default. `[cooldown.by_provider.NAME]` has {' and '.join(OVERRIDES)} of its own."
    )
    rules, defaults = fields_of(CooldownRules), CooldownRules()
    for key, name in SPANS.items():
        made.define(f"{key} = number", f"{_after_key(rules[name].text)} The default is {getattr(defaults, name)}.")
    made.head("SECRETS")
    made.say(
        "No secret stands in this file. A setting that says where one is holds `env://NAME`, `file:///PATH`,"
        " `file://~/PATH` or `vault://NAME`."
    )
    made.head("EXAMPLE")
    made.show(_EXAMPLE.splitlines())
    tell_files(made)
    tell_see_also(made, ("keywright(1)", "keywright-profile(1)", "keywright-vault(1)", "keywright-install(1)"))
    return made


def fields_of(kind: type) -> dict[str, Field]:
    """Return the fields of a table of settings, in the order and with the words of its declaration."""
    texts, hints = _documented(kind), get_type_hints(kind)
    defaults: Mapping[str, object] = getattr(kind, "_field_defaults", {})
    return {
        name: Field(
            kind=_KINDS.get(hints[name], "table"),
            text=text,
            default=_as_toml(defaults[name]) if name in defaults else "",
            is_needed=name not in defaults,
        )
        for name, text in texts.items()
    }


_KINDS: Final[dict[object, str]] = {
    str: "string",
    int: "number",
    float: "number",
    int | None: "number",
    float | None: "number",
    tuple[str, ...]: "array of strings",
}


def _list(made: Page, title: str, keys: Mapping[str, str]) -> None:
    made.head(title)
    for key, text in keys.items():
        made.define(key, text)


def _documented(kind: type) -> dict[str, str]:
    """Return what stands under each field of the class, on one line."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(declared, ast.ClassDef)  # noqa: S101 - told to mypy
    found: dict[str, str] = {}
    for above, below in zip(declared.body, declared.body[1:], strict=False):
        match above, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def _about(kind: type) -> str:
    """Return what stands after the colon of the class's docstring: the table's name is the title already."""
    text = (kind.__doc__ or "").partition(": ")[2]
    return f"{text[:1].upper()}{text[1:]}"


def _after_key(text: str) -> str:
    text = text.partition(": ")[2]
    return f"{text[:1].upper()}{text[1:]}"


def _as_toml(value: object) -> str:
    """Return a default that says something: what is empty is told in words where it is declared."""
    return str(value) if value not in (None, "", ()) and not isinstance(value, Mapping) else ""
