"""What several pages say: exit codes, variables and files. `docs/reference` says the same; a test holds them equal."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from keywright.errors import ERRORS, EXIT_BROKEN_PIPE, EXIT_INTERRUPTED, KeywrightError
from roff import Page


class Variable(NamedTuple):
    """Variables of the environment that belong together.

    Attributes:
        names: as they are set.
        effect: what they do, a clause.
        readers: the executables that read them, without `-credential-keywright`; `all` for all of them.
    """

    names: tuple[str, ...]
    effect: str
    readers: tuple[str, ...] = ("all",)


_PEOPLE: Final = ("keywright",)
VARIABLES: Final = (
    Variable(
        ("KEYWRIGHT_HOME",),
        "an absolute folder that everything lies under: `config.toml`, `data/`, `cache/`, `state/`",
    ),
    Variable(("KEYWRIGHT_CONFIG",), "the settings' file, by its absolute path"),
    Variable(
        ("KEYWRIGHT_TRACE",),
        "`1` or `2` tells on standard error how it is decided, an absolute path has it appended there; never a secret",
    ),
    Variable(
        ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
        "where those folders are without `KEYWRIGHT_HOME`; an absolute path",
    ),
    Variable(("HOME",), "where those are by default, and what `~` in a path of the settings stands for"),
    Variable(
        ("AWS_*",),
        "as for the AWS command line; a change of one that decides who asks, or who is asked, is another credential",
    ),
    Variable(
        ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
        "the way to the issuers, and who is reached without a proxy",
    ),
    Variable(("SSL_CERT_FILE", "SSL_CERT_DIR"), "the certificate authorities that issuers are checked against"),
    Variable(
        ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
        "what other programs trust: `doctor` compares them, and nothing else reads them",
        _PEOPLE,
    ),
    Variable(
        ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"),
        "a change of one ends the wait after a failure, as one of the way to the issuers does",
    ),
    Variable(("CI",), "anything but `0` or `false`: nobody is at the terminal, and nobody is asked there"),
    Variable(("KUBERNETES_EXEC_INFO",), "set by kubectl: the version to answer in, and the cluster", ("kube",)),
    Variable(("GIT_TERMINAL_PROMPT",), "`0`, `false`, `no`, `off` or nothing: nobody is asked", ("git",)),
    Variable(("PATH",), "where `git`, `kubectl` and our own executables are looked for by `install`", _PEOPLE),
    Variable(("GIT_CONFIG_GLOBAL",), "the file that `install git` writes", _PEOPLE),
    Variable(("DOCKER_CONFIG",), "the folder of the file that `install docker` writes", _PEOPLE),
    Variable(
        ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"), "where the file is that `install docker --podman` writes", _PEOPLE
    ),
    Variable(("KUBECONFIG",), "the files that `install kube` may write", _PEOPLE),
    Variable(
        ("KUBERC", "KUBECTL_KUBERC"), "kubectl's preferences, whose list of plugins `install kube` adds to", _PEOPLE
    ),
    Variable(("_KEYWRIGHT_CALL",), "set by a traced call for what it starts: one id for both in the trace"),
    Variable(
        ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"),
        "whether a login opens a browser here",
        _PEOPLE,
    ),
    Variable(
        ("NO_COLOR", "TERM"),
        "a plain demo, where the first is set or the second is `dumb`; `status --watch` needs one that is not `dumb`",
        _PEOPLE,
    ),
    Variable(
        ("_KEYWRIGHT_COMPLETE", "COMP_LINE", "COMP_WORDS", "COMP_CWORD"),
        "set by the completion of a shell that asks what may come next",
        _PEOPLE,
    ),
)
"""Every variable that keywright itself reads, but for those that settings and providers name."""

NAMED: Final = (
    "Settings name further ones as `env://NAME`, and `token --auto` reads the one that its provider's tools do: "
    "`keywright provider list` shows which."
)

FILES: Final = (
    ("~/.config/keywright/config.toml", "the settings, `keywright-config`(5)"),
    ("~/.config/keywright/providers.d/NAME.toml", "a provider of your own"),
    ("~/.local/share/keywright/", "the vault, and its key where that is a file"),
    ("~/.cache/keywright/", "credentials and ready answers; safe to delete at any time"),
    ("~/.local/state/keywright/", "remembered failures, decisions about profiles, and what `install` changed"),
)
"""Where files are on Linux."""
ON_MACOS: Final = (
    "On macOS these are `~/Library/Application Support/keywright/`, and for the cache `~/Library/Caches/keywright/`."
)

_OTHER: Final = {
    0: "done",
    126: "the bundle cannot run its Python: its line says why, and has no code",  # program.c's CANNOT_RUN
    EXIT_INTERRUPTED: "interrupted",
    EXIT_BROKEN_PIPE: "nobody read the answer any more",
}


def tell_exit_status(page: Page, note: str = "") -> None:
    """Add the section on exit codes, with what is different in this page's executable."""
    page.head("EXIT STATUS")
    for exit_code, meaning in exit_codes().items():
        page.define(str(exit_code), meaning)
    told = (
        "A failure is one line on standard error: the account, the place, the cause and what mends it.",
        "The code at its end, in brackets, stays the same whatever the words.",
        "" if page.name == "keywright" else "`keywright`(1) says what each means.",
        note,
    )
    page.say(" ".join(filter(None, told)))


def exit_codes() -> dict[int, str]:
    """Return what each exit code stands for: the codes of the failures that end with it, or a word of its own."""
    codes: defaultdict[int, list[str]] = defaultdict(list)
    for code, kind in ERRORS.items():
        codes[kind.exit_code].append(f"`{code}`")
    told = _OTHER | {exit_code: ", ".join(found) for exit_code, found in codes.items()}
    return dict(sorted(told.items()))


def tell_codes(page: Page) -> None:
    """Add the section on what each code of a failure means."""
    page.head("FAILURES")
    for code, kind in ERRORS.items():
        page.define(code, meaning_of(kind))


def meaning_of(kind: type[KeywrightError]) -> str:
    """Return the first sentence on a kind of failure."""
    return f"{(kind.__doc__ or '').partition(chr(10))[0].partition('. ')[0].rstrip('.')}."


def tell_environment(page: Page, reader: str) -> None:
    """Add the section on the variables that an executable reads."""
    page.head("ENVIRONMENT")
    for names, effect, readers in VARIABLES:
        if "all" in readers or reader in readers:
            page.define(", ".join(names), effect)
    page.say(NAMED)


def tell_files(page: Page) -> None:
    """Add the section on files."""
    page.head("FILES")
    for path, what in FILES:
        page.define(path, what)
    page.say(ON_MACOS)


def tell_see_also(page: Page, others: Iterable[str]) -> None:
    """Add the section that names other pages, each with its section of the manual: `git(1)`."""
    page.head("SEE ALSO")
    page.say(", ".join(f"`{name}`({section}" for name, _, section in (other.partition("(") for other in others)))
