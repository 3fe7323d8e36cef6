"""Break one thing, and it is told; do what it says, and it is told no more."""

import json
import os
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.sick_house import House, Sickness
from keywright.cache.entry import Entry
from keywright.cache.failures import Failures
from keywright.cache.open import open_cache
from keywright.credential import CacheKey, Credential
from keywright.errors import Refused
from keywright.manage.doctor import clock, docker, folders, kube, network, programs, secrets, standing, versions
from keywright.manage.doctor.finding import Severity
from keywright.secret import Secret
from keywright.vault.vault import open_vault

pytestmark = pytest.mark.real_clock

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR
DIGEST = "a" * 64
GITHUB = '[profiles."github-app:acme"]\napp_id = "1"\nprivate_key = "/key.pem"\ninstallation_id = 7\n'


def entry(issued_at: datetime) -> Entry:
    credential = Credential(
        secret=Secret("canary"), username=None, issued_at=issued_at, expires_at=issued_at + timedelta(hours=1)
    )
    return Entry(CacheKey(provider="github-app", profile="github-app:acme", facts={}), 1, credential)


def cached(house: House) -> Path:
    """A cache with one good entry."""
    made = entry(datetime.now(UTC))
    open_cache(house.env).entries.save(made)
    return house.own / "cache" / "entries" / f"{made.key.digest}.json"


def vault(house: House) -> Path:
    """A vault with one secret, its key in a file."""
    with open_vault(house.env).edit() as records:
        records.put("it", Secret("canary"))
    return house.own / "data" / "vault"


def loose_cache(house: House) -> None:
    cached(house)
    (house.own / "cache").chmod(0o755)


def linked_cache(house: House) -> None:
    (house.home / "elsewhere").mkdir()
    (house.own / "cache").symlink_to(house.home / "elsewhere")


def loose_above(house: House) -> None:
    cached(house)
    house.own.chmod(0o777)


def in_cache(change: Callable[[Path], object]) -> Callable[[House], None]:
    """The change to the one entry of a cache."""

    def catch(house: House) -> None:
        change(cached(house))

    return catch


def hard_link(path: Path) -> None:
    os.link(path, path.parent.parent.parent.parent / "second")


def newer(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))


def link(path: Path) -> None:
    (path.parent / f"{'b' * 64}.json").symlink_to("/etc/passwd")


def left(house: House) -> None:
    """A half-written file: its time of change cannot be set, so that it is this house's clock that goes ahead."""
    path = cached(house)
    path.with_suffix(".json.1.tmp").write_text("canary")
    path.with_suffix(".json.1.tmp").chmod(0o600)
    house.now = lambda: datetime.now(UTC) + timedelta(hours=1)


def locked(house: House) -> None:
    from keywright.vault import keys, rekey

    vault(house)
    own = open_vault(house.env)
    with own.locked() as folder:
        wrapping, header = keys.passphrase_header(Secret("open sesame"))
        made = rekey.create(keys.new_id(), wrapping, header)
        own.write(folder, own.open().moved_to(made.document, made.data_key).sealed())


def loose_key(house: House) -> None:
    (key,) = vault(house).parent.glob("*.key")
    key.chmod(0o644)


def lost_vault(house: House) -> None:
    locked(house)
    (house.own / "data" / "vault").unlink()
    (house.own / "data" / "vault.kind").touch(0o600)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def failed(house: House) -> None:
    house.settings(GITHUB)
    failure = Refused("no", mend="keywright invalidate github-app:acme").about("github-app:acme", "https://github.com")
    Failures(str(house.own / "state"), house.env).record(DIGEST, failure, datetime.now(UTC).timestamp(), {})


def decided(**words: object) -> Callable[[House], None]:
    """A profile of the settings about which that was decided."""

    def catch(house: House) -> None:
        house.settings(GITHUB)
        blank = ("enabled", "priority", "cooldown_until", "disabled_until", "disabled_reason")
        row = {"since": "", **dict.fromkeys(blank), "is_revoked": False, **words}
        document = {"version": 1, "generation": 1, "profiles": {"github-app:acme": row}}
        house.write("kw/state/profiles/github-app.json", json.dumps(document))

    return catch


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def answers_are_a_file(house: House) -> None:
    cached(house)
    (house.own / "cache" / "answers").rmdir()
    house.write("kw/cache/answers", "")


def from_the_future(house: House) -> None:
    open_cache(house.env).entries.save(entry(datetime.now(UTC) + timedelta(hours=3)))


def env(**variables: str) -> Callable[[House], None]:
    return lambda house: house.env.update(variables)


def planted(house: House) -> None:
    house.program("git-credential-keywright", "git-credential-keywright 0.0.1")


def loose_providers(house: House) -> None:
    house.write("kw/providers.d/forge.toml", "").parent.chmod(0o702)


def loose_settings_folder(house: House) -> None:
    """The file is ours alone, and anybody can put another one in its place."""
    house.settings().parent.chmod(0o702)


def loose_program(house: House) -> None:
    planted(house)
    (house.bin / "git-credential-keywright").chmod(0o757)


def broken_link(house: House) -> None:
    (house.bin / "kube-credential-keywright").symlink_to("/nowhere")


def open_folder(house: House) -> None:
    house.bin.chmod(0o777)


def relative_path(house: House) -> None:
    house.env["PATH"] = f".:{house.env['PATH']}"


def says(name: str, text: str) -> Callable[[House], object]:
    return lambda house: house.program(name, text)


def unreadable(house: House) -> None:
    house.env["SSL_CERT_FILE"] = str(house.write("no.pem", "canary"))


SICKNESSES = (
    Sickness("folder-loose", folders.look, loose_cache, ERROR),
    Sickness("folder-link", folders.look, linked_cache, ERROR),
    Sickness("folder-file", folders.look, lambda house: house.write("kw/cache", ""), ERROR),
    Sickness("folder-above-loose", folders.look, loose_above, ERROR),
    Sickness("file-link", folders.look, in_cache(link), ERROR),
    Sickness("file-loose", folders.look, in_cache(lambda path: path.chmod(0o644)), ERROR),
    Sickness("file-hard-link", folders.look, in_cache(hard_link), ERROR),
    Sickness("folder-shut", folders.look, lambda house: cached(house).parent.parent.chmod(0o500), ERROR),
    Sickness("file-shut", folders.look, lambda house: cached(house).parent.chmod(0), ERROR),
    Sickness("file-shut", folders.look, in_cache(lambda path: path.chmod(0)), ERROR),
    Sickness("file-kind", folders.look, in_cache(as_folder), ERROR),
    Sickness("file-kind", folders.look, answers_are_a_file, ERROR),
    Sickness("entry-damaged", folders.look, in_cache(damage), WARNING),
    Sickness("entry-newer", folders.look, in_cache(newer), WARNING, mend=False),
    Sickness("entry-broken", folders.look, in_cache(lambda path: path.rename(f"{path}.broken")), WARNING),
    Sickness("temporary-left", folders.look, left, WARNING),
    Sickness("file-unknown", folders.look, lambda house: house.write("kw/cache/mine", ""), NOTE, mend=False),
    Sickness("settings-loose", folders.look, lambda house: house.settings().chmod(0o646), ERROR),
    Sickness(
        "settings-loose",
        folders.look,
        lambda house: house.write("kw/providers.d/forge.toml", "").chmod(0o646),
        ERROR,
    ),
    Sickness("settings-loose", folders.look, loose_providers, ERROR),
    Sickness("folder-above-loose", folders.look, loose_settings_folder, ERROR),
    Sickness("settings-wrong", standing.look_at_settings, lambda house: house.settings("x = 1\n"), ERROR, mend=False),
    Sickness(
        "provider-wrong",
        standing.look_at_settings,
        lambda house: house.write("kw/providers.d/own.toml", "canary"),
        ERROR,
        mend=False,
    ),
    Sickness(
        "installed-unusable",
        standing.look_at_settings,
        lambda house: house.write("kw/state/installed.json", "canary"),
        ERROR,
        mend=False,
    ),
    Sickness("profile-disabled", standing.look_at_profiles, decided(enabled=False), NOTE),
    Sickness("profile-revoked", standing.look_at_profiles, decided(is_revoked=True), WARNING, mend=False),
    Sickness("profile-resting", standing.look_at_profiles, decided(cooldown_until="2100-01-01T00:00:00Z"), WARNING),
    Sickness("profile-failing", standing.look_at_profiles, failed, WARNING),
    Sickness(
        "state-unusable",
        standing.look_at_profiles,
        lambda house: house.write("kw/state/profiles/github-app.json", "canary"),
        ERROR,
        mend=False,
    ),
    Sickness("vault-in-clear", secrets.look_at_vault, vault, NOTE, mend=False),
    Sickness("vault-locked", secrets.look_at_vault, locked, WARNING, mend=False),
    Sickness("vault-unusable", secrets.look_at_vault, lambda house: damage(vault(house)), ERROR, mend=False),
    Sickness("vault-unusable", secrets.look_at_vault, loose_key, ERROR, mend=False),
    Sickness("vault-lost", secrets.look_at_vault, lost_vault, ERROR, mend=False),
    Sickness("program-other-version", programs.look_at_path, planted, WARNING, mend=False),
    Sickness("program-loose", programs.look_at_path, loose_program, ERROR),
    Sickness("program-broken-link", programs.look_at_path, broken_link, WARNING),
    Sickness("path-loose", programs.look_at_path, open_folder, ERROR),
    Sickness(
        "path-relative",
        programs.look_at_path,
        relative_path,
        WARNING,
        mend=False,
    ),
    Sickness("program-missing", programs.look_at_path, env(PATH="/nowhere"), WARNING, mend=False),
    Sickness("proxy-wrong", network.look_at_proxies, env(HTTPS_PROXY="socks5://canary@x"), ERROR, mend=False),
    Sickness("proxy-login", network.look_at_proxies, env(https_proxy="http://me:canary@x:1"), NOTE, mend=False),
    Sickness(
        "proxy-differs",
        network.look_at_proxies,
        env(https_proxy="http://x", HTTPS_PROXY="http://y"),
        WARNING,
        mend=False,
    ),
    Sickness("certificates-missing", network.look_at_certificates, env(AWS_CA_BUNDLE="/nowhere"), ERROR, mend=False),
    Sickness("certificates-none", network.look_at_certificates, unreadable, ERROR, mend=False),
    Sickness("clock-stepped", clock.look_at_steps, from_the_future, WARNING, mend=False),
    Sickness(
        "client-old",
        versions.look_at_clients,
        says("kubectl", "v1.20.7"),
        ERROR,
        mend=False,
    ),
    Sickness("client-silent", versions.look_at_clients, says("git", "hello"), WARNING, mend=False),
)


@pytest.mark.parametrize("sickness", SICKNESSES, ids=[f"{number}-{one.id}" for number, one in enumerate(SICKNESSES)])
def test_what_is_broken_is_told_until_it_is_mended(house: House, sickness: Sickness) -> None:
    sickness.run_its_course(house)


def test_what_belongs_to_others_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(house)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    mends = [finding.mend for finding in folders.look(house.scene()) if finding.id == "folder-foreign"]
    assert mends == [f"sudo chown -R {os.geteuid()} {house.own}/{kind}" for kind in ("cache", "state")]


def test_what_others_linked_is_handed_over_to_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo chown` would follow a link of theirs to any file of this machine."""
    path = cached(house)
    link(path)
    hard_link(path)
    other = house.write("kw/cache/entries/other", "")
    real = os.lstat

    def lstat(name: str) -> os.stat_result:
        found = real(name)
        is_theirs = str(name).startswith(f"{path.parent}/")
        return os.stat_result([*found[:4], found.st_uid + 1, *found[5:]]) if is_theirs else found

    monkeypatch.setattr(os, "lstat", lstat)
    found = {finding.id: finding.mend for finding in folders.look(house.scene())}
    assert found["file-foreign"] == f"sudo chown -h {os.geteuid()} {other}"
    assert {"file-link", "file-hard-link"} <= found.keys()


@pytest.mark.parametrize("order", ["ours:open:second", "open:none"], ids=["after ours", "ours is not there"])
def test_a_folder_that_others_can_change_is_told_only_before_ours(house: House, order: str) -> None:
    for name in ("open", "none"):
        (house.home / name).mkdir(mode=0o700)
    (house.home / "open").chmod(0o777)
    house.write("second/keywright", "#!/bin/sh\n", 0o755)
    house.env["PATH"] = os.pathsep.join(f"{house.home}/{name}" for name in order.split(":"))
    assert "path-loose" not in house.found(programs.look_at_path)


@pytest.mark.parametrize("value", ["http://me:12/canary@x:1", "http://me:12#canary@x", "http://me:12?canary@x"])
def test_no_part_of_a_login_is_taken_for_a_proxy(house: House, value: str) -> None:
    house.env["HTTPS_PROXY"] = value
    told = [finding for finding in network.look_at_proxies(house.scene()) if finding.id != "proxy-none"]
    assert [finding.id for finding in told] == ["proxy-wrong"]
    assert "me" not in told[0].what.split() and "12" not in told[0].what  # noqa: PT018


def test_a_mend_can_be_pasted_whatever_the_folder_is_called(house: House) -> None:
    house.own = house.home / "it's mine"
    house.own.mkdir(mode=0o700)
    house.env["KEYWRIGHT_HOME"] = str(house.own)
    (house.own / "config.toml").write_text("[[[")
    (mend,) = [one.mend for one in standing.look_at_settings(house.scene()) if one.id == "settings-wrong"]
    assert shlex.split(mend)[-1] == str(house.own / "config.toml")


def test_a_name_from_a_file_is_one_word_of_a_mend(house: House) -> None:
    """Kubeconfigs are handed round: a command in one is not to be run by pasting what doctor says."""
    evil = "x; id #"
    stanza = {"apiVersion": "client.authentication.k8s.io/v1", "command": evil, "interactiveMode": "Never"}
    shown = json.dumps({"users": [{"name": evil, "user": {"exec": stanza}}]})
    house.program("kubectl", shown)
    house.write(".kube/config", "")
    house.write(".docker/config.json", json.dumps({"credHelpers": {"r.example": evil}}))
    told = [house.found(kube.look_at_kubeconfigs)["kube-plugin-missing"]]
    told += [house.found(docker.look)["docker-helper-missing"]]
    assert [shlex.split(one.mend) for one in told] == [["install", evil], ["install", f"docker-credential-{evil}"]]


def test_the_way_to_our_programs_leads_over_no_index(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that has our name there may be a stranger's."""
    house.env["PATH"] = "/nowhere"
    house.write(".docker/config.json", json.dumps({"credHelpers": {"r.example": "keywright"}}))

    def mends() -> set[str]:
        told = [
            house.found(programs.look_at_path)["program-missing"],
            house.found(docker.look)["docker-helper-missing"],
        ]
        return {one.mend for one in told}

    folder = os.path.dirname(sys.executable)
    assert mends() == {f'export PATH={folder}:"$PATH"'}
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    assert mends() == {"install keywright anew"}


def test_a_login_with_no_plain_name_is_not_taken_for_that_at_docker_hub(house: House) -> None:
    auths = {"https://me:canary@r.example": {"auth": "bWU6Y2FuYXJ5"}}
    path = house.write(".docker/config.json", json.dumps({"auths": auths}))
    finding = house.found(docker.look)["docker-login-in-clear"]
    assert finding.mend == f"take it out of `auths` in {path}"
    assert "canary" not in finding.what


def test_a_house_that_is_well_has_nothing_to_mend(house: House) -> None:
    house.settings(GITHUB)
    cached(house)
    assert set(house.found(folders.look)) == {"folder-private", "folder-absent", "settings-private"}
    assert set(house.found(standing.look_at_settings)) == {"settings-right"}
    assert set(house.found(programs.look_at_path)) == {"program-found"}
    assert set(house.found(network.look_at_proxies)) == {"proxy-none"}
    assert set(house.found(network.look_at_certificates)) == {"certificates-found"}
    assert set(house.found(clock.look_at_steps)) == {"clock-steady"}
    assert set(house.found(versions.look_at_libraries)) == {"libraries-new"}
    assert set(house.found(versions.look_at_ourselves)) == {"keywright-version"}


def test_a_program_that_others_can_change_is_not_run(house: House) -> None:
    witness = house.home / "run"
    house.write("bin/git-credential-keywright", f"#!/bin/sh\ntouch {witness}\n", 0o757)
    house.bin.chmod(0o700)
    assert "program-loose" in house.found(programs.look_at_path)
    assert not witness.exists()
