"""This machine's clock against an issuer's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fakes.sick_house import House
from keywright.demo.exchange import Reply
from keywright.demo.listener import Listener
from keywright.manage.doctor.clock import issuers, look_at_issuers
from keywright.manage.doctor.finding import Severity
from keywright.settings.load import load

pytestmark = pytest.mark.real_clock
PROFILE = '[profiles."github-app:acme"]\napp_id = "1"\nprivate_key = "/k"\ninstallation_id = 7\napi_url = "{url}"\n'


@contextmanager
def issuer(ahead: timedelta) -> Iterator[str]:
    """An issuer whose clock is that much ahead; its URL."""

    def date() -> str:
        return format_datetime(datetime.now(UTC) + ahead, usegmt=True)

    listener = Listener(0, lambda *_: Reply(status=404), date, None)
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        listener.end()


@pytest.mark.parametrize(
    ("ahead_s", "id_", "severity", "words"),
    [
        (0, "clock-right", Severity.OK, "agrees with"),
        (30, "clock-right", Severity.OK, "agrees with"),
        (120, "clock-skewed", Severity.WARNING, "behind"),
        (-3600, "clock-skewed", Severity.ERROR, "ahead of"),
    ],
)
def test_a_clock_that_differs_is_told(house: House, ahead_s: int, id_: str, severity: Severity, words: str) -> None:
    with issuer(timedelta(seconds=ahead_s)) as url:
        house.settings(PROFILE.format(url=url))
        (found,) = look_at_issuers(house.scene())
    assert (found.id, found.severity) == (id_, severity)
    assert words in found.what
    assert found.mend == ("" if severity is Severity.OK else "timedatectl set-ntp true")


def test_an_issuer_that_does_not_answer_is_told(house: House) -> None:
    house.settings(PROFILE.format(url="http://127.0.0.1:1"))
    (found,) = look_at_issuers(house.scene())
    assert (found.id, found.severity) == ("issuer-unreachable", Severity.WARNING)
    assert found.mend == "curl -sSI http://127.0.0.1:1/"


def test_nobody_is_asked_offline(house: House) -> None:
    house.settings(PROFILE.format(url="http://127.0.0.1:1"))
    (found,) = look_at_issuers(house.scene(is_online=False))
    assert found.id == "clock-unasked"


def test_each_issuer_of_the_settings_is_asked_once(house: House) -> None:
    path = house.settings(
        PROFILE.format(url="https://api.github.com")
        + '[profiles."github-app:b"]\napp_id = "1"\nprivate_key = "/k"\ninstallation_id = 8\n'
        + '[profiles."aws-eks:p"]\ncluster = "p"\nregion = "eu-central-1"\n'
        + '[profiles."access-key:c"]\nurl = "https://auth.example/api/authorise"\nkey = "env://K"\n'
        + '[profiles."static:s"]\nurl = "https://git.example"\nsecret = "env://S"\n'
    )
    assert issuers(load(str(path))) == [
        "https://api.github.com/",
        "https://sts.eu-central-1.amazonaws.com/",
        "https://auth.example/",
    ]
