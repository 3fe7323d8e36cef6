"""The shells whose completion asks us: the script each one loads, and how it tells what was typed so far.

All three run `_KEYWRIGHT_COMPLETE=SHELL_complete keywright` at each Tab. zsh's script is click's. bash takes the `:` of
an id and the `=` of an option for ends of words, and older ones fish's descriptions at their first comma: these two
have scripts of our own, which keep silent where `keywright` is not there any more.
"""

import os
from typing import ClassVar, Final

from click import Command
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from keywright.manage.completion import PROGRAM, VARIABLE

_BASH: Final = r"""
%(complete_func)s() {
    local typed=${COMP_LINE:0:COMP_POINT} word kind value
    word=${typed##*[[:space:]=]}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            plain)
                # readline replaces what follows the last colon alone, where a colon ends words.
                if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
                    value=${value#"${word%%"${word##*:}"}"}
                fi
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(COMP_LINE=$typed %(complete_var)s=bash_complete "${1/#\~\//$HOME/}" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

_FISH: Final = r"""
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp | string collect) COMP_CWORD=(commandline -ct | string collect) %(prog_name)s 2>/dev/null)
    for completion in $response
        set -l parts (string split -m 1 , -- $completion)
        switch $parts[1]
            case file
                __fish_complete_path $parts[2]
            case dir
                __fish_complete_directories $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""  # noqa: E501 - fish has no way to break it


class Bash(BashComplete):
    """bash; before 4.4 it sorts by itself, and before 4 it completes no file names."""

    source_template: ClassVar[str] = _BASH

    @staticmethod
    def _check_version() -> None:
        """Do without: it would run bash, and where a package is built that is another machine's."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and the beginning of that one."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        is_new = line[-1:].isspace() and not line.endswith("\\ ")
        return (words, "") if is_new or not words else (words[:-1], words[-1])


class Zsh(ZshComplete):
    """zsh 5 and newer."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return what may stand in the place of the whole word."""
        return _whole_words(super().get_completions(args, incomplete), incomplete)


class Fish(FishComplete):
    """fish 3 and newer."""

    source_template: ClassVar[str] = _FISH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return what may stand in the place of the whole word."""
        return _whole_words(super().get_completions(args, incomplete), incomplete)


def _whole_words(items: list[CompletionItem[str]], incomplete: str) -> list[CompletionItem[str]]:
    """Put before each value of `--option=` the option: bash alone takes a `=` for the end of a word."""
    option, equals, _ = incomplete.partition("=")
    if equals and option.startswith("-"):
        for item in items:
            item.value = f"{option}={item.value}"
    return items


SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def script_for(shell: str, command: Command) -> str:
    """Return what the shell is to load, as `keywright completion` prints it and packages install it."""
    asked = SHELLS[shell](command, {}, PROGRAM, VARIABLE)
    return (asked.source_template % asked.source_vars()).strip() + "\n"


def use() -> None:
    """Have click answer these shells in our way."""
    for shell, kind in SHELLS.items():
        add_completion_class(kind, shell)
