"""What every provider keeps, whatever it fetches and from whom.

The suite runs over the registry's own names: a provider without a desk in `fakes.issuers` fails at once. A desk's
environment, key files and answers hold canaries, which may be seen in a credential and nowhere else.
"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from fakes.asking import Clock
from fakes.bent import Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from fakes.issuers import CANARY, DESKS, Change, Desk
from keywright.demo.exchange import Answer, Bend, Call, Reply, honestly
from keywright.demo.issuer import LoopbackServer
from keywright.errors import KeywrightError, NeedsPerson, Refused, Unavailable, Unreachable
from keywright.hit import stamp
from keywright.providers.base import Minted
from keywright.providers.registry import PROVIDERS, READERS, VARIABLES
from keywright.settings.model import OPTIONS

NOW: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""The instant at which the clock of every in-process test stands."""
SMALL_TIMEOUT_S: Final = 2.0
HEAVY: Final = {"botocore", "urllib3", "cryptography", "jwt", "filelock"}


@pytest.fixture(params=sorted(PROVIDERS))
def desk(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # botocore's pause between its attempts at a container's endpoint; nothing here depends on its length.
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with DESKS[request.param](home, Clock(now=NOW)) as ready:
        yield ready


def test_every_provider_has_its_desk_its_options_and_its_variables() -> None:
    assert set(DESKS) == set(PROVIDERS) == set(OPTIONS) - set(READERS) == set(VARIABLES)


# --- errors, as a careless handler would show them ---


def everything_of(error: BaseException | None) -> Iterator[str]:
    """Yield all that could be printed of an error: itself, what it holds, and what led to it on both ways."""
    seen: set[int] = set()
    left = [error]
    while left:
        found = left.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield from (str(found), repr(found), repr(found.args), repr(vars(found)))
        yield from (repr(getattr(found, name, "")) for name in ("doc", "object", "strerror", "__notes__"))
        left += [found.__cause__, found.__context__]


def assert_plain(error: KeywrightError, desk: Desk) -> None:
    """Check that an error is one line that holds no secret and no word of anybody else's, nor hangs from one."""
    assert str(error).isprintable(), "one line, without control characters"
    assert not [text for text in everything_of(error) if holds_secret(text, desk)]


def holds_secret(text: str, desk: Desk) -> bool:
    return any(secret in text for secret in desk.secrets())


def fails(desk: Desk, change: Change | None = None, *, timeout_s: float = 20.0) -> KeywrightError:
    with pytest.raises(KeywrightError) as caught:
        desk.fetch(NOW, change, timeout_s=timeout_s)
    return caught.value


# --- the key ---

CHILD: Final = """
import json, os, sys
name, table, env = json.load(sys.stdin)
from keywright.providers.registry import make
from keywright.settings.model import OPTIONS, Profile

def ask():
    provider = make(Profile(id=f"{name}:x", options=OPTIONS[name](**table)), None, env)
    return provider.key.digest, provider.margins

ask()  # what is imported on the way is read from files
modules = sorted({module.partition(".")[0] for module in sys.modules})
touched = []
sys.addaudithook(lambda event, _args: touched.append(event))
stat, lstat = os.stat, os.lstat  # the two ways to a file that raise no event
os.stat = lambda *args, **kwargs: (touched.append("os.stat"), stat(*args, **kwargs))[1]
os.lstat = lambda *args, **kwargs: (touched.append("os.lstat"), lstat(*args, **kwargs))[1]
digest, _ = ask()
found = list(touched)
os.stat("/")
open("/dev/null").close()
print(json.dumps({"digest": digest, "modules": modules, "touched": found, "noticed": touched[len(found):]}))
"""


def ask_child(desk: Desk, env: Mapping[str, str], hash_seed: str) -> dict[str, list[str] | str]:
    run = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([desk.name, dict(desk.options), env]),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer: dict[str, list[str] | str] = json.loads(run.stdout)
    return answer


class TestTheKey:
    def test_it_holds_no_secret_and_neither_does_the_providers_repr(self, desk: Desk) -> None:
        provider = desk.provider()
        shown = [json.dumps(provider.key.document()), provider.key.digest, repr(provider.key), repr(provider)]
        assert any(CANARY in value for value in desk.env.values())
        assert not [text for text in shown if holds_secret(text, desk)]

    def test_it_names_its_provider_and_profile_and_is_all_text(self, desk: Desk) -> None:
        key = desk.provider(profile="y").key
        assert (key.provider, key.profile) == (desk.name, f"{desk.name}:y")
        assert all(isinstance(part, str) for fact in key.facts.items() for part in fact)

    def test_it_is_the_same_in_every_process_and_order_of_the_environment(self, desk: Desk) -> None:
        backwards = dict(reversed(list(desk.env.items())))
        children = [ask_child(desk, desk.env, "1"), ask_child(desk, backwards, "2")]
        assert {child["digest"] for child in children} == {desk.provider().key.digest}

    def test_it_touches_no_file_and_no_network_and_imports_nothing_heavy(self, desk: Desk) -> None:
        child = ask_child(desk, desk.env, "0")
        assert child["noticed"] == ["os.stat", "open"], "the child would have noticed"
        assert child["touched"] == []
        assert not HEAVY & set(child["modules"])

    def test_it_is_the_same_with_and_without_the_files(self, desk: Desk) -> None:
        before = desk.provider().key.digest
        for path in desk.provider().inputs:
            Path(path).unlink()
        assert desk.provider().key.digest == before

    def test_every_option_changes_it_and_no_two_settings_share_one(self, desk: Desk) -> None:
        fields = set(OPTIONS[desk.name]._fields)
        assert set(desk.others) == fields, "every option has another value in the desk"
        changes = [Change(options={name: desk.others[name]}) for name in sorted(fields)]
        digests = [desk.provider(change).key.digest for change in (Change(), *changes)]
        digests.append(desk.provider(profile="y").key.digest)
        assert len(set(digests)) == len(fields) + 2

    def test_every_declared_variable_changes_it(self, desk: Desk) -> None:
        usual = desk.provider().key.digest
        for declared in VARIABLES[desk.name]:
            name = f"{declared[:-1]}ELSEWHERE" if declared.endswith("*") else declared
            for value in ("/elsewhere", "") if name not in desk.env else ("/elsewhere", None):
                assert desk.provider(Change(env={name: value})).key.digest != usual, (name, value)

    def test_an_undeclared_variable_does_not_change_it(self, desk: Desk) -> None:
        plain = [name for name in VARIABLES[desk.name] if not name.endswith("*")]
        prefixes = tuple(name[:-1] for name in VARIABLES[desk.name] if name.endswith("*"))
        others = {name for names in VARIABLES.values() for name in names if not name.endswith("*")}
        names = {f"{name}S" for name in plain} | {f"X{name}" for name in plain} | others - set(plain)
        names |= {name.lower() for name in plain} | {"HTTPS_PROXY", "LANG", "PATH", "TZ", "USER"}
        usual = desk.provider().key.digest
        for name in sorted(names):
            if not name.startswith(prefixes or "*"):
                assert desk.provider(Change(env={name: "/elsewhere"})).key.digest == usual, name

    def test_no_two_providers_share_one(self, tmp_path: Path) -> None:
        digests = set()
        for number, (_, opened) in enumerate(sorted(DESKS.items())):
            folder = tmp_path / str(number)
            folder.mkdir()
            with opened(folder, Clock(now=NOW)) as desk:
                digests.add(desk.provider().key.digest)
        assert len(digests) == len(PROVIDERS)


# --- the inputs ---


class TestInputs:
    def test_they_are_absolute_paths_stamped_now(self, desk: Desk) -> None:
        inputs = desk.provider().inputs
        assert inputs
        assert all(os.path.isabs(path) and os.path.normpath(path) == path for path in inputs)
        assert dict(inputs) == {path: stamp(path) for path in inputs}

    def test_a_change_of_each_shows(self, desk: Desk) -> None:
        provider = desk.provider()
        for path in provider.inputs:
            seen = [provider.inputs[path]]
            with Path(path).open("a") as file:
                file.write("\n")
            seen.append(provider.inputs[path])
            Path(path).unlink()
            seen.append(provider.inputs[path])
            assert len(set(seen)) == 3, path

    def test_those_of_a_fetch_hold_them_all(self, desk: Desk) -> None:
        assert dict(desk.provider().inputs).items() <= dict(desk.fetch(NOW).inputs).items()

    def test_those_of_a_fetch_were_stamped_before_the_files_were_read(self, desk: Desk) -> None:
        before = dict(desk.provider().inputs)

        def meddle(call: Call, answer: Answer) -> Reply:
            for path in before:
                with Path(path).open("a") as file:
                    file.write("\n")
            return answer(call)

        with bent(desk.issuer, meddle):
            minted = desk.fetch(NOW)
        assert before.items() <= dict(minted.inputs).items()
        assert not before.items() & dict(desk.provider().inputs).items()


# --- a fetch ---


class TestAFetch:
    def test_it_brings_home_what_the_issuer_accepts(self, desk: Desk) -> None:
        minted = desk.fetch(NOW)
        assert minted.credential.secret
        assert desk.accepts(minted.credential, NOW)
        assert desk.issuer.total > 0

    def test_two_fetches_bring_home_two_credentials(self, desk: Desk) -> None:
        one, other = desk.fetch(NOW), desk.fetch(NOW)
        assert one.credential.secret != other.credential.secret

    @pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=1), timedelta(hours=-1)])
    def test_time_is_the_now_it_is_given(self, desk: Desk, off: timedelta) -> None:
        now = NOW + off
        desk.clock.now = now
        credential = desk.fetch(now).credential
        assert credential.issued_at == now
        assert credential.issued_at.utcoffset() == timedelta(0)
        assert credential.expires_at == now + desk.lifetime
        assert credential.expires_at.utcoffset() == timedelta(0)
        assert desk.accepts(credential, now)

    def test_its_memory_and_notes_are_text_without_a_secret(self, desk: Desk) -> None:
        minted = desk.fetch(NOW)
        assert all(isinstance(part, str) for fact in minted.memory.items() for part in fact)
        assert json.loads(json.dumps(dict(minted.memory))) == dict(minted.memory)
        assert all(note.isprintable() for note in minted.notes)
        shown = [repr(minted), str(minted), repr(minted.memory), *minted.notes]
        assert not [text for text in shown if holds_secret(text, desk)]
        assert minted.credential.secret.reveal() not in "".join(shown)

    def test_its_memory_saves_requests_and_is_never_needed_nor_trusted(self, desk: Desk) -> None:
        first = desk.fetch(NOW)
        asked_first = desk.issuer.total
        again = desk.fetch(NOW, memory=first.memory)
        assert again.memory == first.memory
        assert desk.issuer.total - asked_first <= asked_first
        for nonsense in ("nonsense", "999"):
            misled = desk.fetch(NOW, memory={**dict.fromkeys(first.memory, nonsense), "other": nonsense})
            assert desk.accepts(misled.credential, NOW)
            assert misled.memory == first.memory

    def test_it_leaves_the_environment_of_the_process_as_it_was(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "the-process's-own")
        before = dict(os.environ)
        desk.fetch(NOW)
        assert dict(os.environ) == before
        fails(desk, desk.refused)
        fails(desk, desk.stranded)
        assert dict(os.environ) == before

    def test_it_reads_the_environment_it_is_given_and_not_the_process_s(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in desk.env:
            monkeypatch.setenv(name, "/nowhere")
        assert desk.accepts(desk.fetch(NOW).credential, NOW)

    def test_it_prints_and_logs_nothing(
        self, desk: Desk, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        desk.fetch(NOW)
        fails(desk, desk.refused)
        fails(desk, desk.stranded)
        with bent(desk.issuer, refusing(500, {}, CANARY.encode())):
            fails(desk)
        assert capfd.readouterr() == ("", "")
        assert caplog.records == []

    def test_it_works_from_two_threads_at_once(self, desk: Desk) -> None:
        together = threading.Barrier(2)
        minted: list[Minted] = []
        failures: list[KeywrightError] = []

        def fetch() -> None:
            together.wait(30)
            try:
                minted.append(desk.fetch(NOW))
            except KeywrightError as error:
                failures.append(error)

        threads = [threading.Thread(target=fetch, daemon=True) for _ in range(2)]
        before = dict(os.environ)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert len(minted) == 2
        assert all(desk.accepts(one.credential, NOW) for one in minted)
        assert len({one.credential.secret.reveal() for one in minted}) == 2
        assert dict(os.environ) == before


# --- failures ---


class TestRefusals:
    def test_a_refusal_says_what_to_do_and_no_secret(self, desk: Desk) -> None:
        with bent(desk.issuer, tainted(honestly)):
            error = fails(desk, desk.refused)
        assert desk.issuer.total > 0
        assert isinstance(error, Refused)
        assert error.mend
        assert_plain(error, desk)

    def test_where_nobody_can_be_asked_it_says_what_to_do(self, desk: Desk) -> None:
        error = fails(desk, desk.stranded)
        assert desk.issuer.total == 0
        assert isinstance(error, (Unavailable, NeedsPerson))
        assert error.mend
        assert_plain(error, desk)


def tainted(bend: Bend) -> Bend:
    """Return `bend` with canaries in the headers and in the JSON object of the honest answer."""

    def bent_and_tainted(call: Call, answer: Answer) -> Reply:
        def taint(call: Call) -> Reply:
            reply = answer(call)
            assert isinstance(reply.body, bytes)
            body = json.dumps({"note": CANARY, **json.loads(reply.body), "message": CANARY}).encode()
            return replace(reply, body=body, headers=(*reply.headers, ("X-Request-Id", CANARY)))

        return bend(call, taint)

    return bent_and_tainted


AWS_ERROR: Final = json.dumps({"__type": "ServiceUnavailable", "message": CANARY}).encode()
Misbehaviour = Callable[[LoopbackServer], AbstractContextManager[object]]
MISBEHAVIOUR: Final[dict[str, Misbehaviour]] = {
    "down": down,
    "hangs up": lambda issuer: bent(issuer, aborting()),
    "redirects": lambda issuer: bent(issuer, redirecting(f"{issuer.url}/{CANARY}")),
    "redirects for good": lambda issuer: bent(issuer, redirecting(f"http://127.0.0.1:1/{CANARY}", 308)),
    "fails": lambda issuer: bent(issuer, refusing(500, {"X-Request-Id": CANARY}, CANARY.encode())),
    "is overloaded": lambda issuer: bent(issuer, refusing(503, {}, AWS_ERROR)),
    "answers nothing": lambda issuer: bent(issuer, refusing(200)),
    "answers a canary": lambda issuer: bent(issuer, refusing(200, {}, CANARY.encode())),
}


@pytest.mark.slow
class TestIssuersThatMisbehave:
    @pytest.mark.parametrize("how", MISBEHAVIOUR)
    def test_one_that_is_down_or_elsewhere_is_unreachable(self, desk: Desk, how: str) -> None:
        with MISBEHAVIOUR[how](desk.issuer):
            error = fails(desk)
        assert isinstance(error, Unreachable)
        assert_plain(error, desk)

    @pytest.mark.parametrize("kind", [kind for kind in Garbage if kind is not Garbage.TRICKLE])
    def test_one_that_answers_garbage_is_unreachable(self, desk: Desk, kind: Garbage) -> None:
        memory = desk.fetch(NOW).memory
        with bent(desk.issuer, tainted(garbage(kind))):
            if kind in desk.harmless:
                assert desk.accepts(desk.fetch(NOW).credential, NOW)
                return
            for remembered in ({}, memory):
                with pytest.raises(Unavailable if kind in desk.broken else Unreachable) as caught:
                    desk.fetch(NOW, memory=remembered)
                assert caught.value.mend or kind not in desk.broken
                assert_plain(caught.value, desk)

    def test_one_that_hangs_is_given_up_in_time(self, desk: Desk) -> None:
        desk.fetch(NOW)  # libraries are loaded, so that the time goes to the issuer
        answered = len(desk.issuer.facts)
        before, asked = dict(os.environ), desk.issuer.total
        error: KeywrightError | None = None
        for timeout_s in (SMALL_TIMEOUT_S, 8.0, 20.0):
            with bent(desk.issuer, slow()):
                error = fails(desk, timeout_s=timeout_s)
                assert len(desk.issuer.facts) == answered, "given up while the call was still held"
                if desk.issuer.total > asked:  # else its time was over before it asked, as on a busy machine
                    break
        assert desk.issuer.total > asked
        assert error
        assert isinstance(error, Unreachable)
        assert dict(os.environ) == before
        assert_plain(error, desk)

    def test_one_that_trickles_is_given_up_in_time(self, desk: Desk) -> None:
        desk.fetch(NOW)
        with bent(desk.issuer, tainted(garbage(Garbage.TRICKLE))):
            error = fails(desk, timeout_s=SMALL_TIMEOUT_S)
        assert isinstance(error, Unreachable)
        assert_plain(error, desk)

    def test_after_it_mends_its_ways_it_is_asked_as_before(self, desk: Desk) -> None:
        with bent(desk.issuer, aborting()):
            fails(desk)
        assert desk.accepts(desk.fetch(NOW).credential, NOW)
