"""`keywright demo`: what the helpers do for kubectl, git and docker, told by running them.

Every row checks what it says, against the issuers' own counters: `0 → 1` means that the issuer answered one more call.
"""

import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

from keywright.demo import clients
from keywright.demo.clients import Actor, Missing
from keywright.demo.narrator import Narrator
from keywright.demo.sandbox import Sandbox
from keywright.demo.stage import Stage, outage
from keywright.errors import Unavailable

CLIENTS: Final = {"kubectl": clients.kubectl, "git": clients.git, "docker": clients.docker}
CROWD: Final = 20
SHORT: Final = timedelta(seconds=20)


def tell(echo: Callable[[str], object]) -> int:
    """Run the demo, printing through `echo`; return 0 if every row held, else 1.

    Raises:
        Unavailable: none of the clients is installed, or our own executables are not.
        KeyboardInterrupt: the person has seen enough; everything is ended and deleted by then.
    """
    narrator = Narrator(echo)
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        try:
            sandbox = stack.enter_context(Sandbox())
            narrator.line("keywright demo: real clients, embedded issuers, all on loopback and in a temporary folder;")
            narrator.line(
                f"each row: what ran, its time, how many calls its issuer had answered before {narrator.arrow} after"
            )
            narrator.line()
            actors = _enter(narrator, sandbox, stack)
            stage = Stage(narrator, sandbox)
            for title, perform in STEPS:
                narrator.step(title)
                perform(stage, actors)
            stage.show_status()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is cleaning up: brief, and not to be cut short
    return _close(narrator)


def _enter(narrator: Narrator, sandbox: Sandbox, stack: ExitStack) -> list[Actor]:
    """Start each client's issuer and service, and write the settings."""
    actors: list[Actor] = []
    for name, prepare in CLIENTS.items():
        try:
            actor = prepare(sandbox, stack)
        except Missing as why:
            narrator.line(f"   {name:8}{'-':10}skipped: {why}")
            continue
        narrator.line(f"   {name:8}{actor.version:10}{actor.credential}")
        actors.append(actor)
    if not actors:
        raise Unavailable("neither kubectl nor git nor docker can take part", mend="install one of them")
    sandbox.write("keywright/config.toml", "version = 1\n" + "".join(actor.settings for actor in actors))
    return actors


def _close(narrator: Narrator) -> int:
    narrator.line()
    if narrator.failed:
        narrator.line(f"{narrator.failed} of {narrator.held + narrator.failed} rows did not hold")
        return 1
    narrator.line(f"All {narrator.held} rows held; the temporary folder is gone, and nothing of yours was read.")
    narrator.line("Next: README.md has the stanzas for kubeconfig, git config, docker's config.json and config.toml;")
    narrator.line("`keywright status` then shows what is cached, and until when.")
    return 0


def _first(stage: Stage, actors: Sequence[Actor]) -> None:
    for actor in actors:
        stage.works(actor, "minted", calls=1)


def _second(stage: Stage, actors: Sequence[Actor]) -> None:
    for actor in actors:
        stage.works(actor, "from the cache", calls=0)


def _stale(stage: Stage, actors: Sequence[Actor]) -> None:
    """Only where the issuer decides on the lifetime: a second has to be enough."""
    for actor in actors:
        if not actor.settings:
            stage.skips(actor, "an EKS token always lives 15 minutes")
            continue
        stage.manages("invalidate", actor)
        lifetime, actor.issuer.lifetime = actor.issuer.lifetime, SHORT
        with stage.held_back(actor, after=1):
            stage.works(actor, f"minted, for {SHORT.seconds} s", calls=1)
            actor.issuer.lifetime = lifetime
            stage.becomes_stale(actor)
            stage.returns_before_its_renewal(actor, "served; the renewal still waits for the issuer", succeeds=True)
        stage.works(actor, "the renewed one", calls=0)


def _crowd(stage: Stage, actors: Sequence[Actor]) -> None:
    for actor in actors:
        stage.manages("invalidate", actor)
    stage.crowd(actors, CROWD)


def _rejected(stage: Stage, actors: Sequence[Actor]) -> None:
    """Each client has its own way to tell, or none."""
    for actor in actors:
        actor.reject()
        if actor.name == "kubectl":
            with stage.held_back(actor, after=0):
                stage.returns_before_its_renewal(actor, "401, asked again: a renewal began behind", succeeds=False)
            stage.works(actor, "the renewed one", calls=0)
            continue
        stage.fails(actor, "401, which it tells nobody" if actor.forget else "401, and it had it erased")
        if actor.forget:
            stage.has_it_forgotten(actor, "erased at its word; `keywright invalidate` does the same")
        stage.works(actor, "minted anew", calls=1)


def _outage(stage: Stage, actors: Sequence[Actor]) -> None:
    with outage(actors):
        for actor in actors:
            stage.works(actor, "still good", calls=0)
        for actor in actors:
            stage.manages("invalidate", actor)
        for actor in actors:
            stage.fails_clearly(actor)
    for actor in actors:
        stage.works_in_the_end(actor, "the issuer is back")


STEPS: Final[tuple[tuple[str, Callable[[Stage, Sequence[Actor]], None]], ...]] = (
    ("The first call mints", _first),
    ("The second is a hit: no issuer is asked", _second),
    ("A stale one is served at once, and renewed behind", _stale),
    (f"{CROWD} at once on an empty cache mint once", _crowd),
    ("A rejected one is minted anew", _rejected),
    ("In an outage what is still good is served; then the failure is clear", _outage),
)
"""Each step leaves every credential cached, fresh and accepted for the next."""
