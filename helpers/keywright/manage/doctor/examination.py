"""One look at everything, each check within its bound. A check that fails is a finding itself, and never the end."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from keywright.errors import ConfigurationError, KeywrightError, Unreachable
from keywright.foreign import wait_for
from keywright.manage.doctor.finding import Area, Finding, warning
from keywright.manage.doctor.scene import Scene
from keywright.serve import bug


class Check(NamedTuple):
    """One check of the table.

    Attributes:
        area: what it is about.
        name: its name, for the finding that it failed.
        look: looks, and yields what it finds.
        bound_s: how long it may take.
    """

    area: Area
    name: str
    look: Callable[[Scene], Iterable[Finding]]
    bound_s: float


class Told(NamedTuple):
    """A finding and what it is about."""

    area: Area
    finding: Finding


def examine(scene: Scene, checks: Sequence[Check]) -> list[Told]:
    """Return what all checks find, area by area."""
    order = list(Area)
    told = [Told(check.area, finding) for check in checks for finding in _made(check, scene)]
    return sorted(told, key=lambda row: order.index(row.area))


def _made(check: Check, scene: Scene) -> list[Finding]:
    """Return what one check finds, and what it had found when it failed."""
    found: list[Finding] = []
    late = f"the check of {check.name} did not end within {check.bound_s:g} s"

    def look() -> None:
        for finding in check.look(scene):
            found.append(finding)  # noqa: PERF402 - one by one, so that a failure costs only the rest

    try:
        wait_for(look, check.bound_s, late=late)
    except Unreachable as failure:
        is_late = failure.what == late
        id_ = "check-hung" if is_late else "check-failed"
        what = late if is_late else _failed(check, failure)
        return [*found, warning(id_, what, failure.mend or "see what it waits for: a network file system, a server")]
    except ConfigurationError as failure:  # told in full by whoever looks at the settings
        return [*found, warning("check-failed", _failed(check, failure), failure.mend or "mend the settings first")]
    except KeywrightError as failure:
        return [*found, warning("check-failed", _failed(check, failure), failure.mend or "try again")]
    except Exception as failure:  # noqa: BLE001 - a bug's text may hold a secret; its type and place do not
        return [*found, warning("check-failed", _failed(check, bug(failure)), "report it: this is a bug")]
    return found


def _failed(check: Check, failure: KeywrightError) -> str:
    return f"the check of {check.name} failed: {failure.what} ({failure.code})"
