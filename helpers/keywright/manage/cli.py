"""`keywright` for people: the table of commands, and how each ends."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import click

from keywright import trace
from keywright.errors import EXIT_INTERRUPTED, KeywrightError, UsageError
from keywright.manage.completion import VARIABLE
from keywright.manage.completion.commands import completion
from keywright.manage.completion.offers import ids_or_providers, known_ids
from keywright.manage.doctor.commands import doctor
from keywright.manage.install.commands import install, uninstall
from keywright.manage.profile.commands import profile as profile_
from keywright.manage.provider.commands import provider
from keywright.manage.resolve.commands import resolve
from keywright.manage.schema.commands import schema
from keywright.manage.terminal import failure_of_output, show_line, tell_person
from keywright.manage.vault.commands import vault
from keywright.manage.version import show_version
from keywright.manage.why.commands import why
from keywright.serve import bug

_URL: Final = click.option("--url", help="Where the credential is for, such as a registry's host.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version and what it was built from.",
)
@click.option("-v", "verbosity", count=True, help="Tell on standard error how it is decided; -vv tells details too.")
@click.option(
    "--trace",
    "path",
    type=click.Path(),
    metavar="FILE",
    help="Append all of that to FILE, as JSON lines. Never a secret.",
)
@click.pass_context
def keywright(context: click.Context, verbosity: int, path: str | None) -> None:
    """Short-lived credentials for kubectl, git and docker, from one shared cache."""
    if verbosity or path is not None or os.environ.get(trace.VARIABLE):
        from keywright.manage.tracing import tracer_of_options

        tracer = tracer_of_options(verbosity, path, os.environ, lambda: datetime.now(UTC))
        context.with_resource(trace.told_to(tracer))
        trace.tell("command", command=context.invoked_subcommand)


@keywright.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
@click.option("--watch", "is_watched", is_flag=True, help="Keep the table up to date on the terminal; Ctrl-C ends it.")
@click.option("--interval", type=click.IntRange(1, 3600), metavar="S", help="With --watch: every so many seconds.")
def status(interval: int | None, *, as_json: bool, is_watched: bool) -> None:
    """Show what is cached, until when, and what went wrong last. Never a secret."""
    from keywright.manage.status import show

    if is_watched:
        from keywright.manage.watch.story import watch

        raise click.exceptions.Exit(watch(interval or 1, os.environ, lambda: datetime.now(UTC), as_json=as_json))
    if interval is not None:
        raise click.UsageError("--interval goes with --watch.")

    show_line(show(os.environ, datetime.now(UTC), as_json=as_json).removesuffix("\n"))


@keywright.command()
@click.argument("profile", shell_complete=ids_or_providers)
@_URL
@click.option("--force", "is_forced", is_flag=True, help="Use this very profile, disabled or resting as it may be.")
@click.option(
    "--auto", "is_auto", is_flag=True, help="Take a provider's name: its variable's secret, else a profile's."
)
def token(profile: str, url: str | None, is_forced: bool, is_auto: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Print a profile's credential, minted if need be."""
    if is_auto and ":" not in profile:
        _print_auto(profile, is_alone=url is None and not is_forced)
        return
    from keywright.dialects.person import PersonDialect
    from keywright.serve import Process, serve

    args = ["token", profile, *(["--url", url] if url is not None else []), *(["--force"] if is_forced else [])]
    raise SystemExit(serve(PersonDialect(), Process.real("keywright", args, None)))


def _print_auto(provider: str, *, is_alone: bool) -> None:
    from keywright.manage.auto import secret_of
    from keywright.manage.terminal import nothing_on_stdout

    if not is_alone:
        raise UsageError("--url and --force are for one profile, and none is named", mend="name it as PROVIDER:NAME")
    with nothing_on_stdout():
        secret = secret_of(provider, os.environ, lambda: datetime.now(UTC), tell_person)
    show_line(secret)


@keywright.command()
@click.argument("profile", shell_complete=known_ids)
def invalidate(profile: str) -> None:
    """Forget what is cached for a profile; the next call mints anew."""
    from keywright.manage.invalidate import forget

    show_line(forget(profile, os.environ, tell_person))


@keywright.command(short_help="Renew a profile's credentials, or all that are due.")
@click.argument("profile", required=False, shell_complete=known_ids)
@_URL
@click.option("--due", "is_due", is_flag=True, help="Instead of PROFILE: whatever is due, of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="With --due: print one JSON document.")
def refresh(profile: str | None, url: str | None, is_due: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Renew a profile's credentials now, whatever their age; or, with --due, all that are due."""
    from keywright.manage.refresh import renew, renew_due

    if is_due == (profile is not None):
        raise click.UsageError("give either a PROFILE or --due.")
    if is_due and url is not None:
        raise click.UsageError("--url goes with a PROFILE.")
    if profile is None:
        raise click.exceptions.Exit(
            renew_due(os.environ, lambda: datetime.now(UTC), show_line, tell_person, as_json=as_json)
        )
    if as_json:
        raise click.UsageError("--json goes with --due.")
    for line in renew(profile, url, os.environ, lambda: datetime.now(UTC), tell_person):
        show_line(line)


@keywright.command(short_help="Renew whatever is due, until it is told to end.")
@click.option("--interval", metavar="DURATION", help="How often to look, 1s to 1h; the default is 30s.")
def agent(interval: str | None) -> None:
    """Renew whatever is due, ahead of its end, until it is told to end. Nothing depends on it."""
    from keywright.manage.agent import run

    raise click.exceptions.Exit(run(interval, os.environ, lambda: datetime.now(UTC)))


keywright.add_command(doctor)
keywright.add_command(install)
keywright.add_command(uninstall)


@keywright.command(short_help="Run real clients against embedded issuers.")
def demo() -> None:
    """Run kubectl, git and docker against embedded issuers: no account, no network."""
    from keywright.demo.story import tell

    raise SystemExit(tell(show_line))


keywright.add_command(vault)
keywright.add_command(profile_)
keywright.add_command(provider)
keywright.add_command(resolve)
keywright.add_command(completion)
keywright.add_command(schema)
keywright.add_command(why)


@keywright.command(short_help="Say what a failure's text means.")
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def classify(text: str | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Say what a failure's text means for the profile it struck: one of nine words."""
    from keywright.manage.classify import classified
    from keywright.manage.terminal import Asking

    show_line(classified(text, Asking(), as_json=as_json))


@keywright.group()
def cache() -> None:
    """What all clients share."""


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def stats(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Count what is cached."""
    from keywright.manage.cache_stats import stats

    show_line(stats(os.environ, datetime.now(UTC), as_json=as_json))


def run(command: Callable[..., object] = keywright) -> int:
    """Run the command line; return the exit code (drawn in `keywright.errors`)."""
    if os.environ.get(VARIABLE):
        from keywright.manage.completion.answering import answer

        return answer(command)
    try:
        code = command(prog_name="keywright", standalone_mode=False)  # what an `Exit` says; the commands return nothing
    except click.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # which is the help
        return error.exit_code
    except click.ClickException as error:
        tell_person(_as_ours(error).line)
        return error.exit_code
    except KeywrightError as error:
        tell_person(error.line)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a bug's text may hold a secret; its type and place do not
        failure = (failure_of_output() if isinstance(error, OSError) else None) or bug(error)
        tell_person(failure.line)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def _as_ours(error: click.ClickException) -> UsageError:
    """Return what click says of wrong arguments, in lines of its own and with no code, as any other failure is told."""
    said = " ".join(error.format_message().split()).rstrip(".")
    if said.startswith("Got unexpected extra argument"):
        said = said.partition(" (")[0]  # what was typed there may be a secret
    context = getattr(error, "ctx", None)
    return UsageError(said[:1].lower() + said[1:], mend=f"see `{context.command_path} --help`" if context else "")
