"""The settings, the profiles that rest or fail, and the agent."""

import os
from collections.abc import Iterator
from shlex import quote

from keywright.cache.failures import Failures
from keywright.cache.folder import locate
from keywright.cache.lock import hold
from keywright.errors import CacheUnusable, ConfigurationError, StateUnusable
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.memory import recall
from keywright.manage.resting import decided_about, words
from keywright.profiles import custom
from keywright.settings import load as settings


def look_at_settings(scene: Scene) -> Iterator[Finding]:
    """Read the settings, and the person's own providers, as every call does."""
    path = settings.locate(scene.env)
    editor = f"${{EDITOR:-vi}} {quote(path)}"
    try:
        found = settings.load(path)
    except ConfigurationError as failure:
        yield error("settings-wrong", failure.what, failure.mend or editor)
    else:
        count = len(found.profiles), len(found.routes)
        if os.path.exists(path):
            yield ok("settings-right", f"{path} has {count[0]} profiles and {count[1]} routes")
    try:
        custom.load_catalog(custom.locate(scene.env))
    except ConfigurationError as failure:
        yield error("provider-wrong", failure.what, failure.mend or "keywright provider list")
    try:
        recall(scene.env)
    except CacheUnusable as failure:
        yield error("installed-unusable", failure.what, failure.mend or "keywright install --help")


def look_at_profiles(scene: Scene) -> Iterator[Finding]:
    """Say which profiles nobody is served by at the moment, and what went wrong last."""
    now = scene.now()
    try:
        known = decided_about(scene.env, now)
    except StateUnusable as failure:
        yield error("state-unusable", failure.what, failure.mend or "keywright profile list")
        known = {}
    for id_, decided in sorted(known.items()):
        why = words(decided, now)
        if decided.enabled is False:
            yield note("profile-disabled", f"{id_} is disabled", f"keywright profile enable {quote(id_)}")
        elif decided.is_revoked:
            yield warning(
                "profile-revoked", f"the issuer took the grant of {id_} back", f"keywright profile login {quote(id_)}"
            )
        elif why:
            yield warning("profile-resting", f"{id_}: {why}", f"keywright profile report-success {quote(id_)}")
    state = locate("state", scene.env)
    if not os.path.isdir(f"{state}/failures"):
        return
    failures = Failures(state, scene.env)
    for digest in failures.digests():
        remembered = failures.recall(digest)
        if remembered is not None:
            told = remembered.error
            whom = told.account or "a profile"
            mend = told.mend or (f"keywright refresh {quote(told.account)}" if told.account else "keywright status")
            yield warning("profile-failing", f"{whom} failed {remembered.times}: {told.what} ({told.code})", mend)


def look_at_agent(scene: Scene) -> Iterator[Finding]:
    """Say whether an agent runs; nothing depends on one."""
    lock = f"{locate('state', scene.env)}/agent.lock"
    is_running = False
    if os.path.exists(lock):  # to look makes no lock
        with hold(lock, 0) as is_free:
            is_running = not is_free
    if is_running:
        yield ok("agent-running", "an agent renews what is due")
    else:
        yield note("agent-absent", "no agent runs; calls renew what they use", "keywright install agent")
