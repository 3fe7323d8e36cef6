"""Many processes and one user's profiles: nothing saved is lost, and what one process learns the next one heeds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from fakes.bent import bent, refusing, slow
from fakes.canary import TYPED
from fakes.grants import GrantIssuer, access, refresh
from fakes.kept import profile, register
from keywright.demo.exchange import HANG_UP, Answer, Call, Reply
from keywright.demo.github import TOKENS_ROUTE, AppKey, GitHubIssuer, Installation
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided
from keywright.profiles.model import ApiKey, OAuth
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret
from keywright.vault.vault import open_vault
from processes.house import BOUND_S, DOCKER, GIT, House, Question, Run, build, now, settle, wait_until
from processes.test_crash import injecting

SAVE: Final = """
import os, sys
from datetime import UTC, datetime
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import ApiKey, AuthProfile
from keywright.secret import Secret
id_, now = ProfileId.parse(sys.argv[1]), datetime.now(UTC)
made = AuthProfile(id_, ApiKey(Secret(sys.argv[2])), now, now)
sys.stdin.read()
KeptProfiles(os.environ).save(made, now)
"""
REPORT: Final = """
import os, sys
from datetime import UTC, datetime
from keywright.profiles.cooldown import mark_failure
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.settings.turns import CooldownRules
now, rules, reason = datetime.now(UTC), CooldownRules(rate_limit_s=1800), FailureReason(sys.argv[2])
sys.stdin.read()
judge = lambda found: mark_failure(found, reason, rules, now)
ProfileStates(os.environ).judge(sys.argv[1], "", judge, "it failed", now)
"""


def run_at_once(house: House, program: str, *arguments: tuple[str, str]) -> None:
    """Run a program once for each pair of arguments, all of them going on at the same moment."""
    pipe, started = subprocess.PIPE, []
    for pair in arguments:
        command = [sys.executable, "-I", "-c", program, *pair]
        started.append(subprocess.Popen(command, env=house.env, stdin=pipe, stdout=pipe, stderr=pipe))
    for process in started:
        assert process.stdin
        process.stdin.close()
        process.stdin = None
    ended = [(process.communicate(timeout=BOUND_S), process.returncode) for process in started]
    assert ended == [((b"", b""), 0)] * len(arguments)


# --- saved by many ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_forty_who_save_at_once_save_forty(house: House) -> None:
    ids = [f"openai:p{number:02}" for number in range(40)]
    run_at_once(house, SAVE, *((id_, f"{TYPED} {id_}") for id_ in ids))
    found = KeptProfiles(house.env).all()
    assert list(found) == ids
    assert all(one.credential == ApiKey(Secret(f"{TYPED} {id_}")) for id_, one in found.items())
    document = open_vault(house.env).read()
    assert document is not None
    assert document.generation == 40, "each wrote once"
    assert {path.suffix for path in (house.folder / "data").iterdir()} == {"", ".key", ".lock"}


@pytest.mark.slow
def test_twenty_and_twenty_of_two_providers_are_twenty_and_twenty(house: House) -> None:
    ids = [f"{provider}:p{number:02}" for number in range(20) for provider in ("groq", "openai")]
    run_at_once(house, SAVE, *((id_, f"{TYPED} {id_}") for id_ in ids))
    store = KeptProfiles(house.env)
    for provider in ("groq", "openai"):
        assert list(store.of_provider(provider)) == [f"{provider}:p{number:02}" for number in range(20)]


@pytest.mark.slow
def test_twenty_failures_reported_at_once_are_twenty_and_one_rest(house: House) -> None:
    run_at_once(house, REPORT, *[("openai:work", "rate_limit"), ("openai:play", "billing")] * 10)
    states = ProfileStates(house.env)
    decided, used = states.decisions("openai").profiles, states.usage("openai").profiles
    assert {id_: row.error_count for id_, row in used.items()} == {"openai:work": 10, "openai:play": 10}
    rest, off = decided["openai:work"].cooldown_until, decided["openai:play"].disabled_until
    assert rest
    assert off
    assert rest <= now() + timedelta(minutes=30)
    assert off <= now() + timedelta(hours=5), "the first sets the end, and no other extends it"


# --- heeded by the next -----------------------------------------------------------------------------------------------

ACME, SPARE = "github-app:acme", "github-app:spare"
TWO: Final = """\
version = 1

[profiles."github-app:acme"]
app_id = "123456"
installation_id = 789
private_key = "{key}"
api_url = "{issuer}"

[profiles."github-app:spare"]
app_id = "123456"
installation_id = 790
private_key = "{key}"
api_url = "{issuer}"

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme", "github-app:spare"]

[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme", "github-app:spare"]
"""


@pytest.fixture
def two(home: Path, app_key: AppKey) -> Iterator[House]:
    """A house with two profiles that serve the same places."""
    installations = (Installation(id=789, owner="acme"), Installation(id=790, owner="spare"))
    with GitHubIssuer(app_id="123456", public_key=app_key.public_pem, installations=installations) as issuer:
        folder = home / "keywright"
        folder.mkdir(mode=0o700)
        built = build(folder, issuer, app_key)
        built.config.write_text(TWO.format(key=built.key, issuer=issuer.url))
        settle(built.config)
        yield built
        built.close()


def decide(house: House, id_: str, change: Callable[[Decided], Decided]) -> Decided:
    found = ProfileStates(house.env).decide(id_, "", change)
    settle(Path(ProfileStates(house.env).folder) / "github-app.json")
    return found


def asked(house: House, installation: str) -> int:
    """How often the issuer was asked for a token of one installation."""
    return sum(fact.call.values.get("id") == installation for fact in house.issuer.facts)


def answer_to(house: House, question: Question) -> dict[str, str]:
    """Return the headers of the one ready answer to a question."""
    (found,) = [one for one in house.ready_answers() if f"\nquestion {question.name} get " in one]
    return dict(line.split(" ", 1) for line in found.partition("\n\n")[0].splitlines() if not line.startswith("input"))


def test_a_rest_that_one_process_reports_is_heeded_by_every_client_and_ends(two: House) -> None:
    first = two.run(GIT).token
    assert two.run(DOCKER).token == first
    assert (asked(two, "789"), asked(two, "790")) == (1, 0)
    run_at_once(two, REPORT, (ACME, "rate_limit"))
    until = ProfileStates(two.env).decisions("github-app").of(ACME, "").cooldown_until
    assert until
    settle(Path(ProfileStates(two.env).folder) / "github-app.json")
    second = two.run(GIT)
    assert second.token != first
    assert second.told == [
        f"{GIT.name}: {ACME}: it is cooling down until {until:%Y-%m-%dT%H:%M:%SZ}; using {SPARE} instead"
    ]
    assert two.run(DOCKER).token == second.token
    assert (asked(two, "789"), asked(two, "790")) == (1, 1)
    for question in (GIT, DOCKER):
        assert float(answer_to(two, question)["expires"]) == pytest.approx(until.timestamp(), abs=0.001)
        again = two.run(question)
        assert (again.token, again.stderr) == (second.token, "")
    decide(two, ACME, lambda decided: decided._replace(cooldown_until=now() - timedelta(seconds=1)))
    for question in (GIT, DOCKER):
        run = two.run(question)
        assert (run.token, run.stderr) == (first, "")
    assert (asked(two, "789"), asked(two, "790")) == (1, 1)


def test_one_that_is_disabled_is_never_served_whatever_is_cached_or_ready(two: House) -> None:
    first = two.run(GIT).token
    assert two.run(DOCKER).token == first
    assert answer_to(two, GIT)["entry"] == answer_to(two, DOCKER)["entry"]
    decide(two, ACME, lambda decided: decided._replace(enabled=False))
    runs = [two.run(question) for question in (GIT, DOCKER, GIT, DOCKER)]
    (second,) = {run.token for run in runs}
    assert second != first
    assert [run.stderr for run in runs] == [""] * 4, "who disabled it knows"
    decide(two, SPARE, lambda decided: decided._replace(enabled=False))
    for question in (GIT, DOCKER):
        run = two.run(question)
        assert run.code != 0 or question.read(run.stdout) == ""
        assert first not in f"{run.stdout!r}{run.stderr}"
        assert second not in f"{run.stdout!r}{run.stderr}"
        assert "it is disabled" in run.stderr + run.stdout.decode()
    decide(two, ACME, lambda decided: decided._replace(enabled=None))
    assert {two.run(question).token for question in (GIT, DOCKER)} == {first}


def test_an_issuer_that_limits_one_account_is_not_asked_for_it_by_the_next_client(two: House) -> None:
    def limit(call: Call, answer: Answer) -> Reply:
        return refusing(429, {"Retry-After": "600"})(call, answer) if call.values["id"] == "789" else answer(call)

    with bent(two.issuer, limit, route=TOKENS_ROUTE):
        runs = [two.run(question) for question in (GIT, DOCKER, GIT)]
    assert len({run.token for run in runs}) == 1
    assert (asked(two, "789"), asked(two, "790")) == (1, 1)
    assert [len(run.told) for run in runs[:2]] == [1, 1]
    assert all(f"using {SPARE} instead" in run.stderr for run in runs[:2])
    used = ProfileStates(two.env).usage("github-app")
    assert used.last_good == SPARE
    assert used.profiles[ACME].error_count == 1


# --- one grant, many renewals -----------------------------------------------------------------------------------------

TOKEN = Question(name="keywright", args=("token", "acme:ann"), stdin=b"", read=lambda body: body.decode().strip())
AT_ACME = Question(name=GIT.name, args=("get",), stdin=b"protocol=https\nhost=git.acme.example\n\n", read=GIT.read)
ROUTE: Final = """
[[routes]]
client = "git"
url = "https://git.acme.example"
profiles = ["acme:ann", "acme:bob"]
"""


@pytest.fixture
def grants(house: House) -> Iterator[GrantIssuer]:
    """An issuer of grants, and two accounts there: ann's access token has expired, bob's has not."""
    with GrantIssuer() as issuer:
        register(house.folder, "acme", issuer.token_url, hosts=("git.acme.example",))
        house.config.write_text(house.config.read_text() + ROUTE)
        store = KeptProfiles(house.env)
        for name, left in (("ann", -timedelta(hours=1)), ("bob", timedelta(hours=1))):
            held = OAuth(Secret(access(name, 1)), Secret(refresh(name, 1)), datetime.now(UTC) + left)
            store.save(profile(f"acme:{name}", held, username=name), now())
        yield issuer


def held_by(house: House) -> OAuth:
    found = KeptProfiles(house.env).of_provider("acme")["acme:ann"].credential
    assert isinstance(found, OAuth)
    return found


@pytest.mark.slow
def test_twenty_who_need_a_renewal_ask_once_and_all_have_the_new_token(house: House, grants: GrantIssuer) -> None:
    started = [house.start(TOKEN) for _ in range(20)]
    runs = [house.finish(TOKEN, process) for process in started]
    assert {(run.token, run.stderr) for run in runs} == {(access("ann", 2), "")}
    assert (grants.asked, grants.revoked) == (1, set())
    assert held_by(house).refresh_token == Secret(refresh("ann", 2))


def test_an_answer_without_a_refresh_token_can_be_followed_by_another(house: House, grants: GrantIssuer) -> None:
    grants.rotates, grants.lifetime_s = False, 0
    assert [house.run(TOKEN).token for _ in range(2)] == [access("ann", 1)] * 2
    assert [form["refresh_token"] for form in grants.forms] == [refresh("ann", 1)] * 2


def test_one_killed_before_it_asks_has_spent_nothing(house: House, grants: GrantIssuer) -> None:
    run = house.run(TOKEN, prefix=injecting("connect", "signal=SIGKILL"))
    assert (run.code, grants.asked) == (-signal.SIGKILL, 0)
    assert house.run(TOKEN).token == access("ann", 2)
    assert (grants.asked, grants.revoked) == (1, set())


def test_one_killed_while_an_issuer_has_not_decided_has_spent_nothing(house: House, grants: GrantIssuer) -> None:
    waiting = slow()

    def drop(call: Call, _answer: Answer) -> Reply:
        return waiting(call, lambda _call: HANG_UP)

    with bent(grants, drop):
        process = house.start(TOKEN)
        waiting.wait_for(1)
        process.kill()
        process.wait(BOUND_S)
        waiting.release()
    assert house.run(TOKEN).token == access("ann", 2)


def test_one_killed_with_the_answer_under_way_has_lost_the_grant_and_it_is_asked_for_once_more_and_never_again(
    house: House, grants: GrantIssuer
) -> None:
    waiting = slow()
    with bent(grants, waiting):
        process = house.start(TOKEN)
        waiting.wait_for(1)
        process.kill()
        process.wait(BOUND_S)
    wait_until(lambda: grants.forms, "the issuer to decide, with nobody there to hear it")
    assert_gone(house, grants, asked=2)


def test_a_grant_that_was_taken_back_is_asked_for_once_and_the_next_profile_serves(
    house: House, grants: GrantIssuer
) -> None:
    grants.revoked.add("ann")
    assert_gone(house, grants, asked=1)


def assert_gone(house: House, grants: GrantIssuer, *, asked: int) -> None:
    """Assert that ann's grant is found to be gone by asking once more, and that bob serves where he may."""
    runs = [house.run(AT_ACME) for _ in range(3)]
    assert [run.token for run in runs] == [access("bob", 1)] * 3
    for run in runs:
        assert len(run.told) == 1
        assert "acme:ann for https://git.acme.example (token_revoked): its issuer took the grant back" in run.told[0]
        assert "using acme:bob instead" in run.told[0]
    alone: Run = house.run(TOKEN)
    assert (alone.code, alone.stdout) == (1, b"")
    assert "keywright profile login acme:ann" in alone.stderr
    assert TYPED not in alone.stderr
    assert [form["refresh_token"] for form in grants.forms] == [refresh("ann", 1)] * asked
    assert ProfileStates(house.env).decisions("acme").profiles["acme:ann"].is_revoked


def test_no_room_on_the_disk_spends_nothing(house: House, grants: GrantIssuer) -> None:
    run = house.run(TOKEN, prefix=injecting("fsync", "error=ENOSPC"))
    assert (run.code, run.stdout, grants.asked) == (1, b"", 0)
    assert "ENOSPC" in run.stderr
    assert "free some disk space" in run.stderr
    assert house.run(TOKEN).token == access("ann", 2)
    assert grants.revoked == set()


def test_an_access_token_that_lasts_is_served_while_its_issuer_is_down(house: House, grants: GrantIssuer) -> None:
    lasting = held_by(house)._replace(expires_at=now() + timedelta(minutes=4))
    added = now()
    KeptProfiles(house.env).save(profile("acme:ann", lasting)._replace(created_at=added), added)
    with bent(grants, refusing(503, {"Retry-After": "1800"})):  # else it may be asked anew after 2 s, of a busy machine
        assert {house.run(TOKEN).token for _ in range(2)} == {access("ann", 1)}
        assert grants.asked == 1, "and not asked by every call"
    assert os.listdir(house.folder / "state/failures")
