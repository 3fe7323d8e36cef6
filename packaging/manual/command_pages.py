"""The pages of `keywright` and its commands, from click's own tree: what `--help` says, and nothing by hand."""

from collections.abc import Iterator, Sequence
from typing import Final

import click

from keywright.manage.cli import keywright
from page_facts import tell_codes, tell_environment, tell_exit_status, tell_files, tell_see_also
from roff import Page

_CLIENTS: Final = (
    "docker-credential-keywright(1)",
    "git-credential-keywright(1)",
    "kube-credential-keywright(1)",
    "keywright-config(5)",
)


def pages(date: str, source: str) -> Iterator[Page]:
    """Yield `keywright.1` and a page for each of its commands; one of a group has all commands of the group."""
    shown = [(name, command) for name, command in sorted(keywright.commands.items()) if not command.hidden]
    yield _overview(shown, date, source)
    for name, command in shown:
        yield _page(name, command, date, source)


def _overview(shown: Sequence[tuple[str, click.Command]], date: str, source: str) -> Page:
    page = Page("keywright", 1, _clause(keywright), date=date, source=source)
    context = click.Context(keywright, info_name="keywright", **keywright.context_settings)
    page.head("SYNOPSIS")
    page.synopsis("keywright", [*_short_options(keywright, context), "COMMAND", "[ARGUMENT...]"])
    page.head("DESCRIPTION")
    page.tell(keywright.help or "")
    page.say(
        "kubectl, git and docker each run an executable of their own, which answers from the cache or mints what is"
        " missing. This command is for people and scripts: it sets those up, shows what is cached, and keeps the"
        " accounts and secrets that there are. No daemon has to run."
    )
    _tell_options(page, keywright, context)
    page.head("COMMANDS")
    for name, command in shown:
        page.define(f"keywright-{name}(1)", _clause(command))
    tell_exit_status(page)
    tell_codes(page)
    tell_environment(page, "keywright")
    tell_files(page)
    tell_see_also(page, (*(f"keywright-{name}(1)" for name, _ in shown), *_CLIENTS))
    return page


def _page(name: str, command: click.Command, date: str, source: str) -> Page:
    page = Page(f"keywright-{name}", 1, _clause(command), date=date, source=source)
    root = click.Context(keywright, info_name="keywright", **keywright.context_settings)
    context = click.Context(command, info_name=name, parent=root)
    page.head("SYNOPSIS")
    if isinstance(command, click.Group):
        inner = [(each, click.Context(each, info_name=word, parent=context)) for word, each in _shown(command)]
        for each, within in inner:
            page.synopsis(within.command_path, _usage(each, within))
        page.head("DESCRIPTION")
        page.tell(command.help or "")
        page.head("COMMANDS")
        for each, within in inner:
            page.subhead(" ".join([within.command_path, *_arguments(each, within)]))
            page.tell(each.help or "")
            _tell_options(page, each, within, is_alone=False)
    else:
        page.synopsis(context.command_path, _usage(command, context))
        page.head("DESCRIPTION")
        page.tell(command.help or "")
        _tell_options(page, command, context)
    page.head("EXIT STATUS")
    page.say("0 when done; `keywright`(1) lists the others, and the codes of failures.")
    tell_see_also(page, ("keywright(1)", *_CLIENTS))
    return page


def _shown(group: click.Group) -> list[tuple[str, click.Command]]:
    return [(name, command) for name, command in group.commands.items() if not command.hidden]


def _tell_options(page: Page, command: click.Command, context: click.Context, *, is_alone: bool = True) -> None:
    options = [param for param in command.get_params(context) if isinstance(param, click.Option) and not param.hidden]
    if is_alone and options:
        page.head("OPTIONS")
    for option in options:
        page.define(_words(option, context), _told(option, context))


def _told(option: click.Option, context: click.Context) -> str:
    extra = option.get_help_extra(context)
    default = f" The default is {extra['default']}." if "default" in extra else ""
    return f"{option.help or ''}{default}"


def _words(option: click.Option, context: click.Context) -> str:
    """Return how it is written: `-h, --help`, `--mode MODE`, `--enabled, --disabled`."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag or option.count else f"{names} {option.make_metavar(context)}"


def _usage(command: click.Command, context: click.Context) -> list[str]:
    return [*_short_options(command, context), *_arguments(command, context)]


def _short_options(command: click.Command, context: click.Context) -> list[str]:
    """Return each option in brackets by its longest name; `--help` goes without saying."""
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    return [f"[{_brief(option, context)}]{'...' if option.multiple else ''}" for option in options]


def _brief(option: click.Option, context: click.Context) -> str:
    name = max(option.opts, key=len)
    if option.secondary_opts:
        return f"{name}|{max(option.secondary_opts, key=len)}"
    return name if option.is_flag or option.count else f"{name} {option.make_metavar(context)}"


def _arguments(command: click.Command, context: click.Context) -> list[str]:
    return [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]


def _clause(command: click.Command) -> str:
    """Return what it does in one clause, as the NAME of a page and a list have it."""
    whole = command.short_help or " ".join((command.help or "").split("\n\n")[0].split())
    first = whole.partition(". ")[0].rstrip(".")
    return f"{first[:1].lower()}{first[1:]}"
