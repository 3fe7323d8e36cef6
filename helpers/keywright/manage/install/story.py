"""Setting up and taking down, whichever the client: look, decide, write down what was there, replace.

What was there is on disk before the client's file changes, so that a crash in between costs nothing: taking down then
finds that ours is not there and leaves the file alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.errors import Busy, ConfigurationError, KeywrightError
from keywright.manage.install.base import CHANGED, Changed, Editor, Value, Wish
from keywright.manage.install.diff import compare
from keywright.manage.install.file import locked, read, replace
from keywright.manage.install.memory import Memory, Record, held, recall

_TRIES: Final = 2

Tell = Callable[[str], None]


class _Plan(NamedTuple):
    """What is to be done to one file; empty `lines` if nothing is.

    Attributes:
        before: the file's content; None if there is none.
        after: the content it shall have; None if it shall go.
        keeps: records to remember.
        seals: what was there before and may be secret, by its name in the vault.
        forgets: records that are over.
        lines: what to tell the person once it is done.
    """

    before: bytes | None
    after: bytes | None
    keeps: tuple[Record, ...] = ()
    seals: Mapping[str, Value] = MappingProxyType({})
    forgets: tuple[Record, ...] = ()
    lines: tuple[str, ...] = ()


def set_up(
    editor: Editor, wishes: Sequence[Wish], *, env: Mapping[str, str], is_forced: bool, is_dry: bool
) -> list[str]:
    """Make the wishes true in the editor's file; return what to tell the person.

    Raises:
        ConfigurationError: another tool's entry is in the way, or the file is broken.
        Unavailable: the file cannot be read or written.
        Busy: another program keeps writing it.
        CacheUnusable, VaultLocked, VaultUnusable: what was there before cannot be remembered.
    """
    done = _carry_out(editor, lambda memory: _plan_up(editor, wishes, memory, is_forced=is_forced), env, is_dry=is_dry)
    return done or [already(editor)]


def already(editor: Editor) -> str:
    """Return what is said where nothing is to be done."""
    return f"{editor.path}: already set up"


def take_down(
    editor: Editor,
    is_meant: Callable[[Record], bool],
    *,
    env: Mapping[str, str],
    is_dry: bool,
    is_forgetting: bool,
    tell: Tell,
) -> list[str]:
    """Put back what was in the editor's file before; return what to tell the person.

    Entries that somebody else has changed since are left as they are, and `tell` says so. What was there before them
    stays remembered, as they may change back, unless `is_forgetting`.

    Raises:
        ConfigurationError: the file is broken.
        Unavailable: the file cannot be read or written.
        Busy: another program keeps writing it.
        CacheUnusable, VaultLocked, VaultUnusable: what was there before cannot be recalled.
    """
    return _carry_out(
        editor,
        lambda memory: _plan_down(editor, is_meant, memory, tell, is_forgetting=is_forgetting),
        env,
        is_dry=is_dry,
    )


def _carry_out(
    editor: Editor, plan_with: Callable[[Memory], _Plan], env: Mapping[str, str], *, is_dry: bool
) -> list[str]:
    if is_dry:
        return list(_show(editor, plan_with(recall(env))))
    with held(env) as memory:
        for _ in range(_TRIES):  # the client's lock is taken for as short as can be: a kill would leave it behind
            plan = plan_with(memory)
            if _is_done(editor, plan, memory, editor.lock):
                return list(plan.lines)
        with locked(editor.lock):
            plan = plan_with(memory)
            if _is_done(editor, plan, memory, ""):
                return list(plan.lines)
    raise Busy(f"{editor.path} changes all the time", mend="try again")


def _show(editor: Editor, plan: _Plan) -> Iterator[str]:
    if plan.before != plan.after:
        shown = [None if content is None else editor.lines(content) for content in (plan.before, plan.after)]
        yield from compare(editor.path, *shown)


def _is_done(editor: Editor, plan: _Plan, memory: Memory, lock: str) -> bool:
    """Carry out the plan; False, with nothing done, if the file is no longer what was planned on."""
    records, made = dict(memory.records), set(memory.made)
    sealed = memory.seal(plan.seals)
    is_replaced = False
    try:
        if plan.keeps:
            memory.records |= {record.key: record for record in plan.keeps}
            memory.made |= {editor.path} if plan.before is None else set()
            memory.save()
        is_replaced = plan.before == plan.after or replace(editor.path, plan.before, plan.after, lock)
    finally:
        if plan.keeps and not is_replaced:
            memory.records, memory.made = records, made
            with suppress(KeywrightError):  # what is told is why the file could not be replaced
                memory.save()
            with suppress(KeywrightError):  # what it had may belong to a record that stands as it was
                memory.put_back(sealed)
    if is_replaced and plan.keeps:
        old = [records[record.key] for record in plan.keeps if record.key in records and not record.is_sealed]
        memory.unseal(record.vault_name for record in old if record.is_sealed)
    if is_replaced and plan.forgets:
        for record in plan.forgets:
            del memory.records[record.key]
        if not any(record.file == editor.path for record in memory.records.values()):
            memory.made.discard(editor.path)
        memory.save()
        memory.unseal(record.vault_name for record in plan.forgets if record.is_sealed)
    return is_replaced


def _plan_up(editor: Editor, wishes: Sequence[Wish], memory: Memory, *, is_forced: bool) -> _Plan:
    before = read(editor.path)
    found = editor.find(before or b"", [wish.target for wish in wishes])
    keeps: list[Record] = []
    seals: dict[str, Value] = {}
    for wish in wishes:
        there, known = found[wish.target], memory.records.get((editor.path, wish.target))
        if there == wish.value:
            continue
        record = Record(editor.client, editor.path, wish.target, wish.label, wish.value)
        if known is not None and (there is None or there == known.wrote):  # gone by hand, it still replaced something
            keeps.append(record._replace(was=known.was, is_sealed=known.is_sealed))
            continue
        if there is not None:
            editor.check_replaceable(before or b"", wish.target)
            if not is_forced and not editor.is_ours(wish.target, there):
                raise ConfigurationError(
                    f"{editor.path}: {wish.target} is taken by {editor.describe(wish.target, there)}",
                    mend=f"--force replaces it, and `keywright uninstall {editor.command}` puts it back",
                )
            if editor.may_be_secret(wish.target, there):
                record = record._replace(is_sealed=True)
                seals[record.vault_name] = there
            else:
                record = record._replace(was=there)
        keeps.append(record)
    after = editor.edit(before or b"", {record.target: record.wrote for record in keeps}) if keeps else before
    lines = tuple(f"{editor.path}: {record.target} is set" for record in keeps)
    return _Plan(before, after, tuple(keeps), seals, lines=lines)


def _plan_down(
    editor: Editor, is_meant: Callable[[Record], bool], memory: Memory, tell: Tell, *, is_forgetting: bool
) -> _Plan:
    before = read(editor.path)
    known = [record for record in memory.records.values() if record.file == editor.path and is_meant(record)]
    found = editor.find(before or b"", [record.target for record in known])
    changes: dict[str, Value | None] = {}
    forgets: list[Record] = []
    lines: list[str] = []
    for record in known:
        there, was = found[record.target], memory.was(record)
        if was is not None and there == was:
            lines.append(f"{editor.path}: {record.target} is as it was already")
            forgets.append(record)
            continue
        back = CHANGED if there is None else editor.without(there, record.wrote, was)
        if isinstance(back, Changed):
            how = "removed" if there is None else "changed"
            mend = "" if was is None or is_forgetting else "; --forget drops what it was before"
            tell(f"{editor.path}: {record.target} was {how} by somebody else; left as it is{mend}")
            if was is None or is_forgetting:
                forgets.append(record)
            continue
        if record.is_sealed and was is None:
            tell(f"{editor.path}: what {record.target} was before is no longer in the vault")
        changes[record.target] = back
    for target, reason in editor.in_use(before or b"", changes).items():
        tell(f"{editor.path}: {target} is left as it is: {reason}")
        del changes[target]
    forgets += [record for record in known if record.target in changes]
    after = editor.edit(before or b"", changes) if changes else before
    is_last = not {record.key for record in memory.records.values() if record.file == editor.path} - {
        r.key for r in forgets
    }
    if after is not None and is_last and editor.path in memory.made and editor.is_empty(after):
        after = None
    lines += [
        f"{editor.path}: {target} is {'removed' if back is None else 'as it was'}" for target, back in changes.items()
    ]
    return _Plan(before, after, forgets=tuple(forgets), lines=tuple(lines))
