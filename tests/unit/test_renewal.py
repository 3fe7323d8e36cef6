"""A credential that is made with a session: the session comes first, once for all. And a person is asked once."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.minter import Minter, Minting
from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.credential import Credential
from keywright.errors import Busy, CredentialExpired, KeywrightError, NeedsPerson, Refused, Unavailable, Unreachable
from keywright.freshness import Margins
from keywright.providers import registry
from keywright.providers.base import Minted, Parent
from keywright.request import Client, Request, Verb, parse_url
from keywright.secret import Secret
from keywright.settings.model import GithubAppOptions, Profile, Route, Settings

ONE, TWO, SESSION = "github-app:one", "github-app:two", "github-app:session"
URL = {ONE: "https://github.com/one", TWO: "https://github.com/two"}
QUESTION = "MFA code for ann"
OPTIONS = GithubAppOptions(app_id="1", private_key="/key.pem", installation_id=7)


@dataclass(frozen=True)
class Locked(Minting):
    """A session that is lent for an answer only."""

    right: str = "123456"

    def fetch(self, now: datetime, timeout_s: float, memory: Any, aid: Any = None) -> Minted:
        self.minter.aids.append(aid)
        if aid is None or aid.answer is None:
            raise NeedsPerson("a code is wanted", mend="sign in", question=QUESTION)
        if aid.answer.reveal() != self.right:
            raise Refused("the code is wrong")
        return super().fetch(now, timeout_s, memory, aid)


@dataclass(frozen=True)
class Hanging(Minting):
    """A session whose second request is never answered."""

    def fetch(self, now: datetime, timeout_s: float, memory: Any, aid: Any = None) -> Minted:
        if self.minter.calls:
            threading.Event().wait(60)
        return super().fetch(now, timeout_s, memory, aid)


@dataclass
class House:
    """Two profiles that one session serves, a broker over a real cache, and a person."""

    clock: time_machine.Traveller
    settings: Settings
    children: Minter = field(default_factory=lambda: Minter(lifetime=timedelta(minutes=15)))
    sessions: Minter = field(default_factory=lambda: Minter(margins=Margins(renew_floor=timedelta(minutes=16))))
    said: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Cache:
        return open_cache(os.environ)

    def adopt(self, kind: Callable[..., Minting] = Minting, lifetime: timedelta = timedelta(minutes=15)) -> None:
        profile = Profile(id=SESSION, options=OPTIONS)
        parent = Parent(profile=profile, provider=kind(self.sessions, profile), lifetime=lifetime)
        self.children.parents = {ONE: parent, TWO: parent}

    def ask(self, question: str) -> Secret:
        self.questions.append(question)
        if not self.answers:
            raise NeedsPerson("nobody answered")
        return Secret(self.answers.pop(0))

    def broker(self, *, has_person: bool = False) -> Broker:
        return Broker(
            settings=self.settings,
            cache=self.cache,
            env=os.environ,
            now=lambda: datetime.now(UTC),
            say=self.said.append,
            ask=self.ask if has_person else None,
        )

    def get(self, name: str = ONE, *, interactive: bool = False) -> Credential:
        return self.broker(has_person=interactive).serve(request(name, interactive=interactive)).credential

    def fails(self, kind: type[KeywrightError], name: str = ONE, *, interactive: bool = False) -> KeywrightError:
        with pytest.raises(kind) as caught:
            self.get(name, interactive=interactive)
        assert type(caught.value) is kind
        return caught.value

    def session_of(self, number: int) -> str:
        """Return the session that the child minted as `number` was made with."""
        parent = self.children.aids[number - 1].parent
        assert parent
        return parent.secret.reveal()

    def kept(self) -> list[str]:
        found = [self.cache.entries.read(digest) for digest in self.cache.entries.digests()]
        return sorted(entry[0].key.profile for entry in found if entry)

    def forget(self, name: str) -> None:
        for digest in self.cache.entries.digests():
            found = self.cache.entries.read(digest)
            if found and found[0].key.profile == name:
                self.broker().drop(digest, None)


def request(name: str = ONE, *, interactive: bool = False) -> Request:
    return Request(client=Client.GIT, verb=Verb.GET, url=parse_url(URL[name]), asked=URL[name], interactive=interactive)


@pytest.fixture
def house(home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> House:
    profiles = {name: Profile(id=name, options=OPTIONS) for name in URL}
    routes = []
    for name, text in URL.items():
        url = parse_url(text)
        assert url
        routes.append(Route(client=Client.GIT, url=url, profiles=(name,)))
    settings = Settings(source=str(home / "config.toml"), stamp="-", profiles=profiles, routes=tuple(routes))
    house = House(clock, settings)
    house.children.install(monkeypatch)
    house.adopt()
    return house


class TestTheSession:
    def test_it_is_got_once_and_serves_every_child(self, house: House) -> None:
        house.get(ONE)
        house.get(TWO)
        assert (house.sessions.calls, house.children.calls) == (1, 2)
        assert house.session_of(1) == house.session_of(2) == f"minted-{SESSION}-1"
        assert house.kept() == [ONE, SESSION, TWO]

    def test_what_is_kept_of_it_names_no_place(self, house: House) -> None:
        house.get()
        entries = [house.cache.entries.read(digest) for digest in house.cache.entries.digests()]
        assert {e[0].key.profile: e[0].url for e in entries if e} == {ONE: URL[ONE], SESSION: ""}

    def test_it_costs_nothing_while_its_child_is_fresh(self, house: House) -> None:
        house.get()
        house.forget(SESSION)
        house.get()
        assert (house.sessions.calls, house.children.calls) == (1, 1)

    def test_what_decided_it_decides_its_children(self, house: House, tmp_path: Path) -> None:
        login = tmp_path / "login"
        login.write_text("ann")
        house.sessions.files = (str(login),)
        house.get(ONE)
        login.write_text("somebody else")
        house.get(ONE)
        assert (house.sessions.calls, house.children.calls) == (2, 2)

    def test_one_that_may_not_be_kept_is_used_and_forgotten(self, house: House) -> None:
        house.sessions.is_kept = False
        house.get(ONE)
        house.get(TWO)
        assert house.kept() == [ONE, TWO]
        assert house.sessions.calls == 2
        assert house.session_of(2) == f"minted-{SESSION}-2"

    def test_one_that_may_not_be_kept_ends_what_is_remembered_of_its_failures(self, house: House) -> None:
        house.sessions.is_kept, house.sessions.failure = False, Refused("no")
        house.fails(Refused)
        house.sessions.failure = None
        house.clock.shift(10)
        house.get()
        assert house.cache.failures.digests() == []

    def test_one_that_is_stale_is_renewed_before_it_is_used(self, house: House) -> None:
        house.get(ONE)
        house.clock.shift(45 * 60)
        house.get(TWO)
        assert house.session_of(2) == f"minted-{SESSION}-2"

    @pytest.mark.parametrize(
        ("lived", "age_s", "child", "expected"),
        [
            (900, 60, 900, 1),  # a new one would last hardly longer
            (900, 120, 900, 2),
            (900, 120, 0, 1),  # the child outlives it
            (3600, 1800, 900, 1),
            (3600, 1800, 2400, 2),
        ],
    )
    def test_one_that_would_cut_its_child_short_is_renewed_where_that_helps(
        self, house: House, lived: int, age_s: int, child: int, expected: int
    ) -> None:
        house.sessions.lifetime = timedelta(seconds=lived)
        house.adopt(lifetime=timedelta(seconds=child))
        house.get(ONE)
        house.clock.shift(age_s)
        house.get(TWO)
        assert house.session_of(2) == f"minted-{SESSION}-{expected}"

    def test_one_whose_renewal_hangs_is_used_while_it_is_usable(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("keywright.renewal.FETCH_S", 3.0)
        house.adopt(Hanging)
        house.get(ONE)
        house.clock.shift(45 * 60)
        house.get(TWO)
        assert house.session_of(2) == f"minted-{SESSION}-1"
        assert house.kept() == [ONE, SESSION, TWO]

    def test_one_that_cannot_be_renewed_is_used_while_it_is_usable(self, house: House) -> None:
        house.get(ONE)
        house.clock.shift(45 * 60)
        house.sessions.failure = Unreachable("down")
        for name in (ONE, TWO):
            house.get(name)
        assert house.session_of(3) == f"minted-{SESSION}-1"
        assert house.sessions.calls == 2, "and the failure was met once"
        house.clock.shift(15 * 60)
        house.fails(CredentialExpired)

    def test_one_that_another_process_renews_is_used_while_it_covers_the_child(self, house: House) -> None:
        house.get(ONE)
        house.clock.shift(44 * 60 + 30)
        (digest,) = (parent.provider.key.digest for name, parent in house.children.parents.items() if name == ONE)
        with house.cache.entries.lock(digest, 0):
            house.get(TWO)
        assert house.session_of(2) == f"minted-{SESSION}-1"

    def test_one_that_stays_locked_and_is_not_there_is_an_error(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("keywright.renewal.FETCH_S", 2.2)
        with house.cache.entries.lock(house.children.parents[ONE].provider.key.digest, 0):
            error = house.fails(Busy)
        assert str(error).startswith(f"{ONE} for {URL[ONE]}: another process has been renewing it for too long")


class TestAFailureOfTheSession:
    def test_it_is_met_once_for_all_children_and_told_under_the_childs_name(self, house: House) -> None:
        house.sessions.failure = Refused("no", mend="ask the owner of the role")
        assert str(house.fails(Refused, ONE)) == f"{ONE} for {URL[ONE]}: no; ask the owner of the role"
        for name in (ONE, TWO):
            assert str(house.fails(Refused, name)).startswith(
                f"{name} for {URL[name]}: no (asked once; asking again in"
            )
        assert (house.sessions.calls, house.children.calls) == (1, 0)

    def test_it_is_remembered_as_the_sessions_own(self, house: House) -> None:
        house.sessions.failure = Unavailable("no login")
        house.fails(Unavailable)
        (digest,) = house.cache.failures.digests()
        failure = house.cache.failures.recall(digest)
        assert failure
        assert (failure.error.account, failure.error.host) == (SESSION, "")

    def test_it_is_over_for_all_once_the_session_is_there(self, house: House) -> None:
        house.sessions.failure = Refused("no")
        house.fails(Refused, ONE)
        house.sessions.failure = None
        house.clock.shift(10)
        house.get(TWO)
        house.get(ONE)
        assert house.cache.failures.digests() == []

    def test_an_expired_child_says_that_it_has_expired_and_why(self, house: House) -> None:
        house.get()
        house.clock.shift(2 * 3600)
        house.sessions.failure = Refused("no")
        assert "no longer usable and renewing it failed (refused): no" in str(house.fails(CredentialExpired))

    def test_it_holds_back_the_renewals_of_a_stale_child(self, house: House) -> None:
        served = house.broker().serve(request())
        house.forget(SESSION)
        house.sessions.failure = Unreachable("down", retry_after_s=600)
        with pytest.raises(Unreachable):
            house.broker().renew(request(), served.entry.key.digest, served.entry.generation)
        brake = Path(house.cache.folder) / "renew" / served.entry.key.digest
        assert brake.stat().st_mtime - datetime.now(UTC).timestamp() == pytest.approx(600, abs=1)


class TestRenewalsOfTheChild:
    def test_one_by_hand_renews_the_session_too_and_once(self, house: House) -> None:
        house.get(ONE)
        house.get(TWO)
        house.clock.shift(60)
        broker = house.broker()
        for name in (ONE, TWO):
            broker.refresh(house.settings.profiles[name], request(name))
        assert house.session_of(3) == house.session_of(4) == f"minted-{SESSION}-2"

    @pytest.mark.parametrize(("age_s", "expected"), [(60, 2), (12 * 60, 1)], ids=["rejected", "due"])
    def test_one_behind_a_rejection_renews_the_session_and_one_that_is_due_does_not(
        self, house: House, age_s: int, expected: int
    ) -> None:
        served = house.broker().serve(request())
        house.clock.shift(age_s)
        assert house.broker().renew(request(), served.entry.key.digest, served.entry.generation)
        assert house.session_of(2) == f"minted-{SESSION}-{expected}"


class TestAQuestion:
    @pytest.fixture(autouse=True)
    def locked(self, house: House) -> None:
        house.adopt(Locked)

    def test_it_is_put_to_the_person_and_the_answer_opens_the_session_for_all(self, house: House) -> None:
        house.answers = ["123456"]
        house.get(ONE, interactive=True)
        house.get(TWO)
        assert house.questions == [QUESTION]
        assert house.sessions.calls == 1

    def test_without_a_person_it_is_an_error_that_says_what_to_do(self, house: House) -> None:
        error = house.fails(NeedsPerson)
        assert str(error) == f"{ONE} for {URL[ONE]}: a code is wanted; sign in"
        assert house.questions == []

    def test_a_client_that_does_not_allow_it_is_not_asked(self, house: House) -> None:
        with pytest.raises(NeedsPerson):
            house.broker(has_person=True).serve(request())
        assert house.questions == []

    def test_that_it_was_put_to_nobody_does_not_stop_who_may_be_asked(self, house: House) -> None:
        house.fails(NeedsPerson)
        assert "asked once" in str(house.fails(NeedsPerson))
        house.answers = ["123456"]
        house.get(interactive=True)

    def test_a_wrong_answer_is_an_error_and_not_asked_again_by_itself(self, house: House) -> None:
        house.answers = ["000000", "123456"]
        assert "the code is wrong" in str(house.fails(Refused, interactive=True))
        assert "the code is wrong (asked" in str(house.fails(Refused, interactive=True))
        assert house.questions == [QUESTION]

    def test_no_answer_is_the_persons_error(self, house: House) -> None:
        assert "nobody answered" in str(house.fails(NeedsPerson, interactive=True))

    def test_renewals_never_ask(self, house: House) -> None:
        house.answers = ["123456", "123456"]
        served = house.broker(has_person=True).serve(request(interactive=True))
        house.forget(SESSION)
        renewal = house.broker()  # as `keywright.refresher` makes one: with nobody to ask
        with pytest.raises(NeedsPerson):
            renewal.renew(request(interactive=True), served.entry.key.digest, served.entry.generation)
        assert house.questions == [QUESTION]

    def test_nobody_is_asked_while_the_session_is_usable(self, house: House) -> None:
        house.answers = ["123456"]
        house.get(ONE, interactive=True)
        house.clock.shift(45 * 60)
        house.get(TWO, interactive=True)
        assert house.questions == [QUESTION]
        assert house.session_of(2) == f"minted-{SESSION}-1"

    def test_no_answer_is_on_disk(self, house: House) -> None:
        house.answers = ["000000"]
        house.fails(Refused, interactive=True)
        files = [path for path in Path(house.cache.folder).parent.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if b"000000" in path.read_bytes()]


class TestWaitingForAPerson:
    """Somebody else's terminal has the question: the lock stays taken for longer than a renewal may take."""

    @pytest.fixture(autouse=True)
    def asked(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        house.adopt(Locked)
        monkeypatch.setattr("keywright.broker.LOCK_WAIT_S", 0.1)
        house.fails(NeedsPerson)  # as the one who asks has left it

    def child(self, house: House) -> str:
        return registry.make(house.settings.profiles[ONE], None, os.environ).key.digest

    def test_who_may_be_asked_too_waits_for_the_answer(self, house: House) -> None:
        house.answers = ["123456"]
        got: list[Credential] = []
        entries = house.cache.entries
        with entries.lock(self.child(house), 0):
            other = threading.Thread(target=lambda: got.append(house.get(interactive=True)))
            other.start()
            other.join(0.5)
            assert other.is_alive(), "it has waited for longer than a renewal may take"
        other.join(30)
        assert len(got) == 1

    def test_who_may_not_is_told_that_somebody_is_asked(self, house: House) -> None:
        house.clock.shift(60)
        with house.cache.entries.lock(self.child(house), 0):
            error = house.fails(Busy)
        assert "another process is waiting for an answer on its terminal; answer there, then try again" in str(error)
