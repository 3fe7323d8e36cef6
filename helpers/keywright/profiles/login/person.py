"""The person who logs in, as the flows see them: what is told to them, their browser, and the time they take."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple


class Person(NamedTuple):
    """Who logs in, and the clock they live by.

    Attributes:
        say: tells them one line.
        browse: opens a URL in their browser and returns whether it could; None where they have none here.
        now: the time (aware UTC).
        sleep: waits for some seconds.
    """

    say: Callable[[str], None]
    browse: Callable[[str], bool] | None
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
