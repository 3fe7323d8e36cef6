"""Looking for what is due, again and again: a look that finds nothing changed costs a few `stat` calls.

The settings, the cache's folder, the vault and the files that entries depend on are stamped; only what has another
stamp than at the look before is read again. An entry that came, went or was renewed is seen at the next look, by its
name and inode: it is only ever replaced by a file that was made while it existed. Two replacements in a row may end at
the inode of before; that is found out by whoever goes to renew it, under its lock.
"""

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from math import inf
from typing import Final, NamedTuple

from keywright.cache.folder import locate as locate_folder
from keywright.cache.open import Cache, open_cache
from keywright.errors import CacheUnusable, KeywrightError, VaultLocked
from keywright.hit import stamp
from keywright.profiles.state import ProfileStates
from keywright.refresher.due import Dated, Known, Target, of_entry, of_grants, of_settings
from keywright.settings.load import load, locate
from keywright.settings.model import Settings

THOROUGH_EVERY_S: Final = 600.0
"""How often the entries are gone through, be their folder as it was or not, and a closed vault is tried again."""
_SUFFIX: Final = ".json"


class Sight(NamedTuple):
    """What one look found.

    Attributes:
        settings: the settings of now.
        cache: the cache of now: another one if its folder was deleted since.
        due: what is due, in no order that matters.
        next_at_s: when the next one will be (epoch seconds); infinity if nothing is known to be due ever.
    """

    settings: Settings
    cache: Cache
    due: tuple[Target, ...]
    next_at_s: float


class Watch:
    """Remembers, for one process, what it saw at the look before."""

    def __init__(self, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Take the environment that leads to everything; touches no file."""
        self._env = env
        self._say = say
        self._settings: Settings | None = None
        self._cache: Cache | None = None
        self._folder: tuple[int, ...] = ()
        self._memory: tuple[int, ...] = ()
        self._listed: dict[str, int] = {}
        self._primed: Mapping[str, Target] = {}
        self._stamps: dict[str, str] = {}
        self._disturbed: set[str] = set()
        self._known = Known()
        self._unborn: list[Target] = []
        self._vault: dict[str, str] = {}
        self._is_vault_read = True
        self._grants: list[Dated] = []
        self._thorough_at_s = inf

    def look(self, now: datetime) -> Sight:
        """Return what is due at `now`.

        Raises:
            ConfigurationError: the settings are wrong: nothing could be used that was renewed.
            CacheUnusable: there is no cache to renew anything in.
        """
        now_s = now.timestamp()
        if not 0 <= now_s - self._thorough_at_s < THOROUGH_EVERY_S:
            self.expect_change()
            self._thorough_at_s = now_s
            if not self._is_vault_read:  # an OS keyring is started and unlocked without a file of ours changing
                self._vault = {}
        settings = self._look_at_settings()
        cache = self._look_at_folder(settings)
        self._look_at_inputs()
        self._look_at_vault()
        due = self._due_entries(now_s)
        due += [dated.target for dated in self._grants if dated.is_due(now_s)]
        grants_at_s = min((grant.until_s for grant in self._grants if grant.until_s > now_s), default=inf)
        next_at_s = min(self._known.next_at_s(now_s), grants_at_s)
        return Sight(settings, cache, tuple(due), next_at_s)

    def forget(self) -> None:
        """Read everything again at the next look, and try again what could not be read."""
        self._settings, self._cache, self._vault = None, None, {}

    def mark(self, target: Target) -> str:
        """Return what tells whether anything that could keep the target back has changed since."""
        settings = self._settings.stamp if self._settings else ""
        decided = ProfileStates(self._env).inputs(target.profile.provider)
        return " ".join([settings, *decided.values(), *self._vault.values()])

    def expect_change(self, name: str = "") -> None:
        """Look at the cache's folder at the next look: it has changed, be it within one tick of its clock.

        What has another inode is read again, and the entry of that name in any case.
        """
        self._listed.pop(name + _SUFFIX, None)
        self._folder = (*self._folder[:2], 0)

    def _look_at_settings(self) -> Settings:
        path = locate(self._env)
        if self._settings is None or stamp(path) != self._settings.stamp:
            self._settings = None  # wrong ones are read again until they are right
            self._settings = load(path)
            self._primed = of_settings(self._settings, self._env)
            self._listed, self._known, self._folder = {}, Known(), ()
        return self._settings

    def _look_at_folder(self, settings: Settings) -> Cache:
        path = f"{locate_folder('cache', self._env)}/entries"
        memory = f"{locate_folder('state', self._env)}/failures"
        found = _identity(path)
        if self._cache is None or found[:2] != self._folder[:2] or _identity(memory)[:2] != self._memory:
            self._cache, self._listed, self._known = open_cache(self._env), {}, Known()
            found, self._folder, self._memory = _identity(path), (), _identity(memory)[:2]
        if found != self._folder:
            self._read_entries(path, self._cache, settings)
            self._folder = found  # of before it was read: what changes meanwhile is seen at the next look
        return self._cache

    def _due_entries(self, now_s: float) -> list[Target]:
        found = self._known.due(now_s, self._disturbed | self._known.issued_before_a_step(now_s))
        return [dated.target for dated in found] + self._unborn

    def _read_entries(self, path: str, cache: Cache, settings: Settings) -> None:
        """Read what is new, and nothing else; what cannot be read is new again when the folder is gone through."""
        found = _inodes(path)
        changed = {name for name, _ in found.items() ^ self._listed.items() if name.endswith(_SUFFIX)}
        self._listed = {name: inode for name, inode in found.items() if name not in changed}
        for name in changed:
            digest, dated = name.removesuffix(_SUFFIX), None
            if name in found:
                with suppress(CacheUnusable):  # who asks for it is told
                    dated = self._date(digest, cache, settings)
                    self._listed[name] = found[name]
            self._known.replace(digest, dated)
        self._unborn = [target for digest, target in self._primed.items() if digest + _SUFFIX not in found]
        self._stamps, self._disturbed = dict.fromkeys(self._known.inputs, ""), set()

    def _date(self, digest: str, cache: Cache, settings: Settings) -> Dated | None:
        found = cache.entries.read(digest)
        if found is None or found[0].key.digest != digest:
            return None
        return of_entry(found[0], settings, self._env, self._primed)

    def _look_at_inputs(self) -> None:
        stamps = {path: stamp(path) for path in self._stamps}
        if stamps == self._stamps:
            return
        self._stamps = stamps
        self._disturbed = self._known.disturbed(stamps)

    def _look_at_vault(self) -> None:
        """Note the grants of the vault, if it opens without a person; if not, it is tried again now and then."""
        from keywright.profiles.kept import KeptProfiles

        if self._vault and all(stamp(path) == seen for path, seen in self._vault.items()):
            return
        self._grants, self._is_vault_read = [], False
        try:
            kept = KeptProfiles(self._env)
            self._vault = {kept.source: stamp(kept.source)}
            self._grants, self._is_vault_read = of_grants(kept.all().values()), True
        except VaultLocked as error:
            self._vault |= error.inputs
        except KeywrightError as error:
            self._say(f"renewing nothing that the vault holds: {error.line}")


def _identity(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _inodes(path: str) -> dict[str, int]:
    try:
        with os.scandir(path) as files:
            return {file.name: file.inode() for file in files}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CacheUnusable(
            f"{path} cannot be read ({errno.errorcode.get(error.errno or 0, 'unknown error')})"
        ) from None
