"""The whole cache of one user, opened together."""

from collections.abc import Mapping
from typing import NamedTuple

from keywright.cache.answers import Answers
from keywright.cache.failures import Failures
from keywright.cache.folder import locate
from keywright.cache.seals import FileSeals
from keywright.cache.store import Store


class Cache(NamedTuple):
    """What is remembered.

    Attributes:
        folder: the cache's folder, absolute.
        entries: the credentials.
        answers: the ready answers made from them, and the renewals' brakes.
        failures: what went wrong lately.
        seals: which settings have passed their check.
    """

    folder: str
    entries: Store
    answers: Answers
    failures: Failures
    seals: FileSeals


def open_cache(env: Mapping[str, str]) -> Cache:
    """Open the cache that the environment names, made if need be.

    Raises:
        CacheUnusable: a folder cannot be trusted or made.
    """
    folder = locate("cache", env)
    return Cache(
        folder=folder,
        entries=Store(folder),
        answers=Answers(folder),
        failures=Failures(locate("state", env), env),
        seals=FileSeals(folder),
    )
