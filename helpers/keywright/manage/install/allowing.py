"""Whether kubectl may run our plugin, and what is to be done where it may not."""

from collections.abc import Mapping
from typing import NamedTuple, assert_never

from keywright.errors import ConfigurationError, KeywrightError
from keywright.manage.install.base import Wish
from keywright.manage.install.file import read
from keywright.manage.install.kuberc import (
    ALLOWLIST,
    LABEL,
    LISTED,
    KubercFile,
    Ruling,
    by_hand,
    kuberc_path,
)
from keywright.manage.install.kuberc_lines import LIST, POLICY
from keywright.manage.install.story import Tell, already, set_up


class Allowing(NamedTuple):
    """What is to stand in kubectl's preferences; nothing is to be done without an editor.

    Attributes:
        editor: of the preferences.
        wishes: what is to stand there; none if it all does.
    """

    editor: KubercFile | None = None
    wishes: tuple[Wish, ...] = ()


def plan_allowing(command: str, tool: str, env: Mapping[str, str], tell: Tell, *, is_wanted: bool) -> Allowing:
    """Return what it takes that kubectl may run the plugin `command`. Changes nothing.

    Unless it `is_wanted`, only a list that lacks the plugin is to be changed: that is the one case in which there is no
    other way. The person is told.

    Raises:
        ConfigurationError: it is wanted, and the preferences cannot be read, are switched off or forbid every plugin.
    """
    path = kuberc_path(env)
    if not path and is_wanted:
        raise ConfigurationError("kubectl is told to read no preferences (KUBERC=off)", mend="unset KUBERC")
    content = read(path) if path else None
    if content is None and not is_wanted:
        return Allowing()
    editor = KubercFile(path, tool, env)
    try:
        ruling = editor.ruling(content or b"", command)
    except KeywrightError as error:
        if is_wanted:
            raise
        tell(f"whether kubectl may run the plugin is not known: {error}")
        return Allowing()
    return (_asked_for if is_wanted else _needed)(editor, ruling, command, tell)


def _asked_for(editor: KubercFile, ruling: Ruling, command: str, tell: Tell) -> Allowing:
    entry = Wish(f"{LIST} {command}", LISTED, LABEL)
    match ruling:
        case Ruling.LISTED:
            return Allowing(editor)
        case Ruling.UNLISTED:
            return Allowing(editor, (entry,))
        case Ruling.DENIED:
            raise ConfigurationError(
                f"{editor.path} forbids kubectl every plugin (DenyAll)",
                mend=f"`{by_hand(command)}` allows this one alone",
            )
        case Ruling.FREE:
            tell(f"from now on kubectl runs no plugins but those that {editor.path} names")
            return Allowing(editor, (Wish(POLICY, ALLOWLIST, LABEL), entry))
    assert_never(ruling)


def _needed(editor: KubercFile, ruling: Ruling, command: str, tell: Tell) -> Allowing:
    match ruling:
        case Ruling.LISTED | Ruling.FREE:
            return Allowing()
        case Ruling.UNLISTED:
            tell(f"{editor.path} names the plugins that kubectl may run: ours is added to them")
            return Allowing(editor, (Wish(f"{LIST} {command}", LISTED, LABEL),))
        case Ruling.DENIED:
            what = f"{editor.path} forbids kubectl every plugin (DenyAll), and so this one"
            tell(f"{what}; `{by_hand(command)}` allows this one alone")
            return Allowing()
    assert_never(ruling)


def allow(allowing: Allowing, env: Mapping[str, str], *, is_forced: bool, is_dry: bool) -> list[str]:
    """Carry it out; return what to tell the person.

    Raises:
        KeywrightError: as `set_up`.
    """
    if allowing.editor is None:
        return []
    if not allowing.wishes:
        return [already(allowing.editor)]
    return set_up(allowing.editor, allowing.wishes, env=env, is_forced=is_forced, is_dry=is_dry)
