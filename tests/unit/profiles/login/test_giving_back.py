"""A grant that is given back takes the profile with it, and nothing that came in its place."""

import os
from collections.abc import Callable
from datetime import timedelta

import pytest

from fakes.kept import BORN, NOON, grant, profile, secret
from keywright.errors import Busy
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.login.giving_back import giving_back
from keywright.profiles.model import AuthProfile
from keywright.profiles.state import ProfileStates

ANN = ProfileId("acme", "ann")
LOGGED_IN = profile("acme:ann", grant())
ANEW = LOGGED_IN._replace(credential=grant(access_token=secret("of a new login")))


@pytest.fixture
def kept(home: object) -> KeptProfiles:
    kept = KeptProfiles(os.environ)
    kept.save(LOGGED_IN, BORN)
    return kept


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda _: None,
        lambda kept: kept.remove(ANN),
        lambda kept: kept.save(LOGGED_IN._replace(priority=7), NOON),
    ],
    ids=["nothing", "it was removed", "its priority was changed"],
)
def test_the_profile_goes_with_its_grant(kept: KeptProfiles, meanwhile: Callable[[KeptProfiles], object]) -> None:
    with giving_back(ANN, kept, ProfileStates(os.environ)):
        meanwhile(kept)
    assert kept.all() == {}


@pytest.mark.parametrize("anew", [ANEW, LOGGED_IN._replace(created_at=NOON + timedelta(seconds=1))])
def test_who_logs_in_meanwhile_stays_logged_in(kept: KeptProfiles, anew: AuthProfile) -> None:
    def log_out() -> None:
        with giving_back(ANN, kept, ProfileStates(os.environ)):
            kept.save(anew, NOON)

    with pytest.raises(Busy, match=r"acme:ann: somebody has logged in anew meanwhile; log out again"):
        log_out()
    assert kept.get(ANN) == anew._replace(updated_at=NOON)
