"""What all processes know of the profiles together, on disk: what was decided, and how they were used.

Two files for each provider under `STATE/profiles/`, in the shapes of `keywright.profiles.known`: `openai.json` decides
whose turn it is and is an input of every ready answer, `openai.usage.json` does not. Both are changed under one lock
beside them and replaced whole.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

from keywright.cache.folder import PrivateFolder, locate
from keywright.cache.lock import hold
from keywright.errors import CacheUnusable, StateUnusable
from keywright.hit import stamp
from keywright.profiles.instants import parse_instant
from keywright.profiles.known import (
    Decided,
    Decisions,
    NewerState,
    Usage,
    parse_decisions,
    parse_usage,
    render_decisions,
    render_usage,
)
from keywright.profiles.standing import Standing
from keywright.profiles.uncontested import USED_AGAIN

LOCK_WAIT_S: Final = 5.0
"""How long to wait for others' writes, each of which takes milliseconds."""


class Draft:
    """What is known of one provider's profiles, to be changed while the lock is held.

    Attributes:
        decided: what was decided, by profile id.
        used: what happened, by profile id.
        last_good: the profile that served last.
    """

    def __init__(self, decisions: Decisions, usage: Usage) -> None:
        self.decided = dict(decisions.profiles)
        self.used = dict(usage.profiles)
        self.last_good = usage.last_good


class ProfileStates:
    """The states of one user's profiles."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Lead to `STATE/profiles`; touches no file. Where there is no such folder, nothing is known of any profile."""
        self._state = ""
        with suppress(CacheUnusable):  # no home folder: told to whoever wants something decided
            self._state = locate("state", env)
        self.folder = f"{self._state}/profiles"

    def inputs(self, provider: str, *, with_usage: bool = False) -> dict[str, str]:
        """Return the provider's deciding file with its stamp, and the usage file's where the order depends on it."""
        if not self._state:
            return {}
        names = [_decisions(provider), *([_usage(provider)] if with_usage else [])]
        return {f"{self.folder}/{name}": stamp(f"{self.folder}/{name}") for name in names}

    def lock_path(self, name: str) -> str:
        """Return the path of a lock file beside the state, in a folder that is made if need be.

        Raises:
            StateUnusable: the folder cannot be trusted or made.
        """
        return f"{self._open().path}/{name}.lock"

    def decisions(self, provider: str) -> Decisions:
        """Return what was decided about the provider's profiles.

        Raises:
            StateUnusable: it is damaged, newer or cannot be trusted: to go on could use what was disabled.
        """
        name = _decisions(provider)
        content = self._read(name)
        if content is None:
            return Decisions()
        path = f"{self.folder}/{name}"
        try:
            return parse_decisions(content)
        except NewerState:
            raise StateUnusable(f"{path} is of another version than this keywright's", mend="upgrade it") from None
        except ValueError:
            mend = f"move it away, and disable again what was disabled: `mv '{path}' '{path}.broken'`"
            raise StateUnusable(f"{path} is damaged", mend=mend) from None

    def usage(self, provider: str) -> Usage:
        """Return what happened to the provider's profiles; nothing where that cannot be read: it decides nothing."""
        with suppress(StateUnusable, NewerState, ValueError):
            return self._read_usage(provider)
        return Usage()

    @contextmanager
    def changing(self, provider: str, *, needs_usage: bool = True) -> Iterator[Draft]:
        """Hold the lock for the block and keep, at its end, what it left in the draft.

        Of two files that changed the usage is written first, unless a rest ends: a crash in between loses a decision
        that follows from it, and never leaves a rest that follows from nothing, which no clock that steps would end.
        Usage of another version is left alone, damaged usage set aside. One that cannot be read is an error if
        `needs_usage`, or it is left alone too.

        Raises:
            StateUnusable: the decisions are damaged, newer, or cannot be trusted or written. They have not changed, but
                for a rest that ended.
        """
        with self._locked() as folder:
            decisions, usage, is_kept_off = self.decisions(provider), Usage(), False
            try:
                usage = self._read_usage(provider)
            except NewerState:
                is_kept_off = True
            except ValueError:
                folder.set_aside(_usage(provider))
            except StateUnusable:
                if needs_usage:
                    raise
                is_kept_off = True
            draft = Draft(decisions, usage)
            yield draft
            decided = {id_: row for id_, row in draft.decided.items() if row != Decided(since=row.since)}
            # What merely happened is not worth waiting for the disk: torn by a crash of the machine, it is none.
            writes: list[tuple[str, bytes, bool]] = []
            if not is_kept_off and (draft.used != usage.profiles or draft.last_good != usage.last_good):
                after = Usage(draft.used, draft.last_good, usage.generation + 1)
                writes.append((_usage(provider), render_usage(after), False))
            if decided != decisions.profiles:
                after_all = Decisions(decided, decisions.generation + 1)
                writes.append((_decisions(provider), render_decisions(after_all), True))
            if _ends_a_rest(decisions.profiles, decided):
                writes.reverse()
            for name, content, is_lasting in writes:
                folder.remove_orphans(name)
                folder.replace(name, content, is_lasting=is_lasting)

    def decide(self, id_: str, since: str, change: Callable[[Decided], Decided]) -> Decided:
        """Change what is decided about the profile of that id and birth; returns what is decided now.

        Raises:
            StateUnusable: as `changing`.
        """
        with self.changing(_provider(id_), needs_usage=False) as draft:
            changed = change(Decisions(draft.decided).of(id_, since))
            draft.decided[id_] = changed
        return changed

    def judge(self, id_: str, since: str, judge: Callable[[Standing], Standing], error: str, now: datetime) -> Standing:
        """Change a profile's standing and, if `error` is not empty, what went wrong last; returns the new standing.

        `error` is one line with nothing secret. What is known of one that has taken its name since stays.

        Raises:
            StateUnusable: as `changing`.
        """
        with self.changing(_provider(id_)) as draft:
            decided, used = Decisions(draft.decided).of(id_, since), Usage(draft.used).of(id_, since)
            standing = judge(decided.standing(used))
            if _is_outlived(id_, since, draft):
                return standing
            draft.decided[id_] = decided.under(standing)
            draft.used[id_] = used.under(standing)
            if error:
                draft.used[id_] = draft.used[id_]._replace(last_error=error, last_error_at=now)
        return standing

    def note_use(self, id_: str, since: str, now: datetime) -> None:
        """Note that the profile gave a credential, unless that is known to the minute.

        Raises:
            StateUnusable: as `changing`.
        """
        provider = _provider(id_)
        known = self.usage(provider)
        seen = known.of(id_, since)
        is_recent = seen.last_used is not None and timedelta(0) <= now - seen.last_used < USED_AGAIN
        if is_recent and not seen.last_error and known.last_good == id_:
            return
        with self.changing(provider) as draft:
            if _is_outlived(id_, since, draft):
                return
            used = Usage(draft.used).of(id_, since)
            draft.used[id_] = used._replace(last_used=now, last_error="", last_error_at=None)
            draft.last_good = id_

    def forget(self, id_: str) -> None:
        """Forget all that is known of a profile.

        Raises:
            StateUnusable: as `changing`.
        """
        with self.changing(_provider(id_)) as draft:
            draft.decided.pop(id_, None)
            draft.used.pop(id_, None)
            if draft.last_good == id_:
                draft.last_good = ""

    def providers(self) -> list[str]:
        """Return the providers that something is known of, sorted."""
        names: list[str] = []
        with suppress(OSError):
            names = os.listdir(self.folder)
        return sorted({name.removesuffix(".json").removesuffix(".usage") for name in names if name.endswith(".json")})

    def _read(self, name: str) -> bytes | None:
        if not self._state or _is_absent(f"{self.folder}/{name}"):  # most often, and then nothing is to be judged
            return None
        with _as_state():
            file = PrivateFolder.open(self.folder).read(name)
        return file[0] if file else None

    def _read_usage(self, provider: str) -> Usage:
        content = self._read(_usage(provider))
        return Usage() if content is None else parse_usage(content)

    def _open(self) -> PrivateFolder:
        if not self._state:
            raise StateUnusable(
                "there is no absolute state folder", mend="set HOME, or KEYWRIGHT_HOME to an absolute path"
            )
        with _as_state():
            PrivateFolder.open(self._state)
            return PrivateFolder.open(self.folder)

    @contextmanager
    def _locked(self) -> Iterator[PrivateFolder]:
        folder = self._open()
        with _as_state(), hold(f"{self.folder}/lock", LOCK_WAIT_S) as is_locked:
            if not is_locked:
                raise StateUnusable("other processes have kept the profiles' state locked for too long")
            yield folder


def _ends_a_rest(before: Mapping[str, Decided], after: Mapping[str, Decided]) -> bool:
    """Whether a profile that rested does not any more."""
    return any(_rests(row) and not _rests(after.get(id_, Decided())) for id_, row in before.items())


def _rests(row: Decided) -> bool:
    return row.cooldown_until is not None or row.disabled_until is not None


def _is_absent(path: str) -> bool:
    """Whether there is certainly nothing. What cannot be looked at may be there, and say that a profile is disabled."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _is_outlived(id_: str, since: str, draft: Draft) -> bool:
    """Whether something is known of a profile of that id that was added later than the one of that birth."""
    rows = (draft.decided.get(id_), draft.used.get(id_))
    return any(row.since != since and _is_later(row.since, since) for row in rows if row)


def _is_later(since: str, other: str) -> bool:
    try:
        return parse_instant(since) > parse_instant(other)
    except ValueError:  # one of the settings has no birth
        return False


def is_usage(path: str) -> bool:
    """Whether a file of the states is about usage, and decides at most the order."""
    return path.endswith(_usage(""))


def _provider(id_: str) -> str:
    return id_.partition(":")[0]


def _decisions(provider: str) -> str:
    return f"{provider}.json"


def _usage(provider: str) -> str:
    return f"{provider}.usage.json"


@contextmanager
def _as_state() -> Iterator[None]:
    """Say of the state's folder and files what is said of the cache's; to delete them would enable what is disabled."""
    try:
        yield
    except CacheUnusable as error:
        mend = "move it away, and disable again what was disabled" if error.mend.startswith("run `rm ") else error.mend
        raise StateUnusable(error.what, mend=mend) from None
