"""`keywright profile report-failure` and `report-success`: how it went, from a program that uses a profile itself."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from keywright.errors import UsageError
from keywright.manage.profile.deciding import failed
from keywright.manage.profile.scrub import scrub
from keywright.manage.profile.told import done, when
from keywright.profiles.classify import classify_message
from keywright.profiles.cooldown import unusable_until
from keywright.profiles.instants import moment
from keywright.profiles.reason import FailureReason

YEAR_S: Final = 365 * 86400


def report_failure(
    text: str,
    env: Mapping[str, str],
    now: datetime,
    *,
    reason: str | None,
    message: str | None,
    retry_after_s: float | None,
    as_json: bool,
) -> str:
    """Note a failure; returns what was noted and until when the profile is out of use, as a line or a document.

    Raises:
        UsageError: neither a reason nor a message says what failed.
        ProfileNotFound: there is no such profile; nothing is noted.
        KeywrightError: the profile cannot be looked up, or the failure not be written.
    """
    if reason is None and message is None:
        raise UsageError("nothing says what failed", mend="add `--reason` or `--message`")
    if retry_after_s is not None and not 0 <= retry_after_s <= YEAR_S:  # what is no number neither
        raise UsageError("`--retry-after` is not within a year")
    judged = classify_message(message) if reason is None else FailureReason(reason)
    error = scrub(message or "") or judged.value
    asked = None if retry_after_s is None else timedelta(seconds=retry_after_s)
    turn = failed(text, judged, error, env, now, retry_after=asked)
    until = turn.until or unusable_until(turn.standing, now)
    rest = f"out of use until {moment(until)}" if until else "counted and still in use"
    line = f"{turn.profile.id}: {judged}, {rest}"
    return done(turn.profile.id, line, as_json=as_json, reason=judged.value, unusable_until=when(until))
