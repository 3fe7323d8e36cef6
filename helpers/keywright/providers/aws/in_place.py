"""The caller's environment in `os.environ`, for as long as a library that reads it there is at work."""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final


class _InPlace:
    """Puts one environment at a time into `os.environ`, for as long as a fetch wants it; any number may share it."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._users = 0
        self._env: dict[str, str] = {}
        self._before: dict[str, str] = {}

    @contextmanager
    def hold(self, env: Mapping[str, str]) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: not self._users or dict(env) == self._env)
            if not self._users:
                self._env, self._before = dict(env), dict(os.environ)
                _put(self._changed, self._env)
            self._users += 1
        try:
            yield
        finally:
            with self._turn:
                self._users -= 1
                if not self._users:
                    self._put_back()
                    self._turn.notify_all()

    def end_after_fork(self) -> None:
        """In a forked child nobody of ours is at work: the environment is the program's again."""
        self._turn = threading.Condition()
        if self._users:
            self._put_back()
        self._users = 0

    def _put_back(self) -> None:
        """What somebody else has set meanwhile stays as they set it."""
        _put({name for name in self._changed if os.environ.get(name) == self._env.get(name)}, self._before)

    @property
    def _changed(self) -> set[str]:
        names = self._env.keys() | self._before.keys()
        return {name for name in names if self._env.get(name) != self._before.get(name)}


def _put(names: Iterable[str], env: Mapping[str, str]) -> None:
    for name in names:
        if name in env:
            os.environ[name] = env[name]
        else:
            os.environ.pop(name, None)


_IN_PLACE: Final = _InPlace()
os.register_at_fork(after_in_child=_IN_PLACE.end_after_fork)


def in_place(env: Mapping[str, str]) -> AbstractContextManager[None]:
    """Make `os.environ` say what `env` says for a block; who wants another one meanwhile waits.

    In a helper, and for a program that gave us its own environment, there is nothing to change.
    """
    return _IN_PLACE.hold(env)
