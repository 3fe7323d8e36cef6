"""The agent: a look at what is due, a short sleep, and again, until it is told to end.

Every look goes by the wall clock of that moment. A sleep is never longer than half a minute, because the clock that
measures it stands still while the machine is suspended; whatever the wall clock did meanwhile is seen at the next look.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Final, NamedTuple

from keywright.deadline import CALL_S
from keywright.errors import EXIT_INTERRUPTED, KeywrightError
from keywright.profiles.instants import moment
from keywright.refresher.crew import Finished
from keywright.refresher.mail import Call, Mail
from keywright.refresher.round import Failed, LeftAlone, Outcome, Renewed, Rounds
from keywright.settings.model import KeptOptions

INTERVAL: Final = timedelta(seconds=30)
SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=1)
SLEEP_AT_MOST_S: Final = 30.0
SLEEP_AT_LEAST_S: Final = 0.2
TRIED_AGAIN_S: Final = 30.0
"""The longest sleep after a renewal of which nothing came, however long the interval is."""
CLOCK_TICK_S: Final = 0.001
"""What is left of a sleep is never less: a clock that is read in microseconds has to get on."""
GRACE_S: Final = 5.0
"""How long a renewal that is under way may go on once the agent is told to end."""
SPENDING_GRACE_S: Final = CALL_S
"""The same for one that spends a refresh token: to lose the answer would be to lose the account."""


class Agent:
    """One process's agent."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        interval: timedelta,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        mail: Mail,
        say: Callable[[str], None],
    ) -> None:
        """Take what one process is given; `say` gets one line for each event."""
        self._interval_s = interval.total_seconds()
        self._now = now
        self._monotonic = monotonic
        self._mail = mail
        self._say = say
        self._rounds = Rounds(env, now=now, monotonic=monotonic, say=say, post=mail.post)
        self._trouble = ""
        self._told: dict[str, str] = {}

    def run(self) -> int:
        """Renew what is due until a signal ends it; return the exit code."""
        while True:
            match self._sleep(self._look()):
                case Call.END:
                    self._end()
                    return 0
                case Call.INTERRUPT:
                    self._end()
                    return EXIT_INTERRUPTED
                case Call.LOOK:
                    self._rounds.forget()
                case None:
                    pass

    @property
    def is_working(self) -> bool:
        """Whether something is being renewed."""
        return bool(self._rounds.working)

    @property
    def is_left_hanging(self) -> bool:
        """Whether a thread is still at something that the agent does not wait for."""
        return self._rounds.is_left_hanging

    def _look(self) -> float:
        """Look once; return when the next one is due at the latest (epoch seconds)."""
        next_at_s, trouble = inf, ""
        try:
            next_at_s, failing = self._rounds.look()
            if failing:
                next_at_s = min(next_at_s, self._now().timestamp() + TRIED_AGAIN_S)
        except KeywrightError as error:
            trouble = str(error)
            if trouble != self._trouble:
                self._say(f"renewing nothing: {error.line}")
        self._trouble = trouble
        for failed in self._rounds.write_off():
            self._tell(failed)
        return next_at_s

    def _sleep(self, next_at_s: float) -> Call | None:
        """Sleep until the next look; return what a signal asks for, if one comes first."""
        began_s = self._now().timestamp()
        until_s = min(began_s + self._interval_s, max(next_at_s, began_s + SLEEP_AT_LEAST_S))
        while began_s <= (now_s := self._now().timestamp()) < until_s:
            notice = self._mail.wait(min(max(until_s - now_s, CLOCK_TICK_S), SLEEP_AT_MOST_S))
            if isinstance(notice, Call):
                return notice
            if notice is not None:
                outcome = self._note(notice)
                if not isinstance(outcome, Renewed):
                    until_s = min(until_s, now_s + TRIED_AGAIN_S)
                elif outcome.renew_at is not None:
                    until_s = min(until_s, max(outcome.renew_at.timestamp(), now_s + SLEEP_AT_LEAST_S))
        return None

    def _note(self, finished: Finished[Outcome]) -> Outcome:
        outcome = self._rounds.note(finished)
        self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        """Say what happened: a failure once, however often it is met, until it is over."""
        match outcome:
            case Renewed(target, _, _, expires_at):
                self._told.pop(target.name, None)
                until = f", good until {moment(expires_at)}" if expires_at else ""
                self._say(f"renewed {target.label}{until}")
            case Failed(target, error):
                cause = f"{error.code}: {error.what}"
                if not error.is_repeated and self._told.get(target.name) != cause:
                    self._told[target.name] = cause
                    self._say(f"failed {error.line}")
            case LeftAlone():
                pass

    def _end(self) -> None:
        for outcome in end(self._rounds, self._mail, self._monotonic):
            self._tell(outcome)


def end(rounds: Rounds, mail: Mail, monotonic: Callable[[], float]) -> Iterator[Outcome]:
    """Begin nothing more, and give what is under way a bounded time to end; yields what comes of it."""
    rounds.dismiss()
    began_s = monotonic()
    while working := rounds.working:
        is_spending = any(isinstance(target.profile.options, KeptOptions) for target in working)
        left_s = began_s + (SPENDING_GRACE_S if is_spending else GRACE_S) - monotonic()
        if left_s <= 0:
            return
        notice = mail.wait(min(left_s, 1.0))
        if isinstance(notice, Finished):
            yield rounds.note(notice)


class Report(NamedTuple):
    """What one round came to.

    Attributes:
        renewed: what was renewed.
        failed: what was not, be it that its issuer is left alone because it failed before.
        is_interrupted: whether a signal ended it.
        is_left_hanging: whether a thread is still at something.
    """

    renewed: tuple[Renewed, ...]
    failed: tuple[Failed, ...]
    is_interrupted: bool = False
    is_left_hanging: bool = False


def renew_all_due(
    env: Mapping[str, str],
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    mail: Mail,
    say: Callable[[str], None],
) -> Report:
    """Renew all that is due, once; return what came of it when the last one has ended or is given up.

    Raises:
        ConfigurationError: the settings are wrong.
        CacheUnusable: there is no cache to renew anything in.
    """
    rounds = Rounds(env, now=now, monotonic=monotonic, say=say, post=mail.post)
    _, failing = rounds.look()
    outcomes: list[Outcome] = list(failing)
    is_interrupted = False
    while rounds.working and not is_interrupted:
        notice = mail.wait(1.0)
        if isinstance(notice, Finished):
            outcomes.append(rounds.note(notice))
        elif notice in {Call.END, Call.INTERRUPT}:
            is_interrupted = True
            outcomes += end(rounds, mail, monotonic)
        outcomes += rounds.write_off()
    return Report(
        renewed=tuple(outcome for outcome in outcomes if isinstance(outcome, Renewed)),
        failed=tuple(outcome for outcome in outcomes if isinstance(outcome, Failed)),
        is_interrupted=is_interrupted,
        is_left_hanging=rounds.is_left_hanging,
    )
