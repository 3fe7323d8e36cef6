"""Setting up and taking down, in docker's file: what is another tool's stays another tool's."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.own_vault import OwnVault
from fakes.terminal import Terminal
from keywright.errors import CacheUnusable, ConfigurationError
from keywright.manage.install import file, git, memory, story
from keywright.manage.install.docker import DockerFile

THEIRS = b'{\n\t"auths": {},\n\t"credHelpers": {\n\t\t"ghcr.io": "gh"\n\t}\n}'


@pytest.fixture
def config(home: Path) -> Path:
    """docker's file, with another tool's helper for ghcr.io."""
    path = home / ".docker/config.json"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(THEIRS)
    path.chmod(0o640)
    return path


def helpers(config: Path) -> dict[str, str]:
    return dict(json.loads(config.read_bytes()).get("credHelpers", {}))


def remembered(own: Path) -> list[str]:
    return [row["target"] for row in json.loads((own / "state/installed.json").read_bytes())["records"]]


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_in_and_out_again_is_byte_for_byte(keywright: Terminal, config: Path) -> None:
    assert keywright("install", "docker", "public.ecr.aws") == (
        0,
        f"{config}: credHelpers public.ecr.aws is set\n",
        "",
    )
    assert helpers(config) == {"ghcr.io": "gh", "public.ecr.aws": "keywright"}
    assert keywright("uninstall", "docker").stdout == f"{config}: credHelpers public.ecr.aws is removed\n"
    assert (config.read_bytes(), config.stat().st_mode & 0o777) == (THEIRS, 0o640)
    assert keywright("uninstall", "docker") == (0, "nothing of the kind is set up\n", "")


def test_the_second_time_nothing_changes(keywright: Terminal, config: Path, home: Path) -> None:
    keywright("install", "docker", "public.ecr.aws")
    before = everything(home)
    assert keywright("install", "docker", "public.ecr.aws") == (0, f"{config}: already set up\n", "")
    assert everything(home) == before


def test_another_tools_entry_is_refused_then_forced_then_put_back(
    keywright: Terminal, config: Path, vault: OwnVault
) -> None:
    refused = keywright("install", "docker", "public.ecr.aws", "ghcr.io")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"keywright: {config}: credHelpers ghcr.io is taken by the helper `gh`; "
        "--force replaces it, and `keywright uninstall docker` puts it back [configuration]\n"
    )
    assert config.read_bytes() == THEIRS
    assert keywright("install", "docker", "ghcr.io", "--force").code == 0
    assert helpers(config) == {"ghcr.io": "keywright"}
    assert keywright("uninstall", "docker").stdout == f"{config}: credHelpers ghcr.io is as it was\n"
    assert config.read_bytes() == THEIRS
    assert vault.records == {}


def test_what_was_there_first_survives_a_second_force(keywright: Terminal, config: Path) -> None:
    for _ in range(2):
        assert keywright("install", "docker", "ghcr.io", "--force").code == 0
    keywright("uninstall", "docker")
    assert config.read_bytes() == THEIRS


def test_an_entry_that_was_ours_already_is_not_remembered(keywright: Terminal, config: Path, own: Path) -> None:
    config.write_text('{"credHelpers": {"ghcr.io": "keywright"}}')
    assert keywright("install", "docker", "ghcr.io").stdout == f"{config}: already set up\n"
    assert keywright("uninstall", "docker", "ghcr.io").stdout == "nothing of the kind is set up\n"
    assert helpers(config) == {"ghcr.io": "keywright"}


@pytest.mark.parametrize(
    ("now", "how"),
    [({"ghcr.io": "other", "a.io": "keywright"}, "changed"), ({"a.io": "keywright"}, "removed")],
)
def test_what_somebody_else_changed_since_is_left_and_told(
    keywright: Terminal, config: Path, own: Path, now: dict[str, str], how: str
) -> None:
    keywright("install", "docker", "ghcr.io", "a.io", "--force")
    config.write_text(json.dumps({"credHelpers": now}))
    done = keywright("uninstall", "docker")
    assert (done.code, done.stdout) == (0, f"{config}: credHelpers a.io is removed\n")
    told = f"keywright: {config}: credHelpers ghcr.io was {how} by somebody else; left as it is"
    assert done.stderr == f"{told}; --forget drops what it was before\n"
    assert helpers(config) == {host: name for host, name in now.items() if host == "ghcr.io"}
    assert remembered(own) == ["credHelpers ghcr.io"], "what it was before is not lost"
    assert keywright("uninstall", "docker", "ghcr.io", "--forget") == (0, "", f"{told}\n")
    assert helpers(config) == {host: name for host, name in now.items() if host == "ghcr.io"}
    assert keywright("uninstall", "docker").stdout == "nothing of the kind is set up\n"


def test_what_was_put_back_by_hand_is_over(keywright: Terminal, config: Path, own: Path) -> None:
    keywright("install", "docker", "ghcr.io", "--force")
    config.write_bytes(THEIRS)
    done = keywright("uninstall", "docker")
    assert done == (0, f"{config}: credHelpers ghcr.io is as it was already\n", "")
    assert (config.read_bytes(), remembered(own)) == (THEIRS, [])


@pytest.mark.parametrize("between", [(), ("uninstall", "docker")])
def test_what_was_replaced_comes_back_although_ours_was_removed_by_hand_meanwhile(
    keywright: Terminal, config: Path, between: tuple[str, ...]
) -> None:
    keywright("install", "docker", "ghcr.io", "--force")
    config.write_text(json.dumps({"credHelpers": {}}))
    if between:
        keywright(*between)
    assert keywright("install", "docker", "ghcr.io").code == 0
    assert keywright("uninstall", "docker").stdout == f"{config}: credHelpers ghcr.io is as it was\n"
    assert helpers(config) == {"ghcr.io": "gh"}


def test_what_is_gone_and_replaced_nothing_is_forgotten(keywright: Terminal, config: Path, own: Path) -> None:
    keywright("install", "docker", "a.io")
    config.write_bytes(THEIRS)
    done = keywright("uninstall", "docker")
    assert (done.code, done.stdout) == (0, "")
    assert "removed by somebody else" in done.stderr
    assert remembered(own) == []


def test_of_several_hosts_one_can_go(keywright: Terminal, config: Path) -> None:
    keywright("install", "docker", "a.io", "docker.io")
    assert keywright("uninstall", "docker", "https://index.docker.io/v1/").code == 0
    assert helpers(config) == {"ghcr.io": "gh", "a.io": "keywright"}


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_a_dry_run_changes_nothing(keywright: Terminal, config: Path, home: Path, action: str) -> None:
    if action == "uninstall":
        keywright("install", "docker", "ghcr.io", "--force")
    before = everything(home)
    flags = ["--force"] if action == "install" else []
    done = keywright(action, "docker", "ghcr.io", "--dry-run", *flags)
    old, new = ("gh", "keywright") if action == "install" else ("keywright", "gh")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == (
        f'--- {config}\n+++ {config}\n@@ -4 +4 @@\n-\t\t"ghcr.io": "{old}"\n+\t\t"ghcr.io": "{new}"\n'
    )
    assert everything(home) == before


def test_a_dry_run_of_nothing_makes_nothing(keywright: Terminal, home: Path, own: Path) -> None:
    done = keywright("install", "docker", "ghcr.io", "--dry-run")
    assert done.stdout.startswith(f"--- /dev/null\n+++ {home}/.docker/config.json\n")
    assert list(own.iterdir()) == []
    assert not (home / ".docker").exists()


def test_a_dry_run_shows_no_secret_of_the_file(keywright: Terminal, config: Path) -> None:
    secrets = {
        "auths": {"a.io": {"auth": "canary", "identitytoken": "canary"}},
        "HttpHeaders": {"Authorization": "canary"},
        "proxies": {"default": {"httpProxy": "http://me:canary@proxy"}},
        "detachKeys": "canary",
    }
    for document in (secrets, dict(reversed(secrets.items()))):
        for text in (json.dumps(document), json.dumps(document, indent="\t"), json.dumps(document, indent=1)):
            config.write_text(text)
            for words in (("--all",), ("ghcr.io",)):
                done = keywright("install", "docker", *words, "--dry-run")
                assert done.code == 0
                assert '"keywright"' in done.stdout
                assert "canary" not in done.stdout + done.stderr


def test_a_file_that_was_not_there_goes_again(keywright: Terminal, home: Path, own: Path) -> None:
    keywright("install", "docker", "a.io", "b.io")
    keywright("uninstall", "docker", "a.io")
    assert (home / ".docker/config.json").exists()
    keywright("uninstall", "docker")
    assert not (home / ".docker/config.json").exists()
    assert json.loads((own / "state/installed.json").read_bytes()) == {"schema": 1, "made": [], "records": []}


def test_a_file_that_was_not_there_stays_if_somebody_uses_it(keywright: Terminal, home: Path) -> None:
    keywright("install", "docker", "a.io")
    path = home / ".docker/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auths": {}}))
    keywright("uninstall", "docker")
    assert json.loads(path.read_bytes()) == {"auths": {}}


def test_a_link_stays_a_link(keywright: Terminal, config: Path, home: Path) -> None:
    kept = home / "dotfiles/docker.json"
    kept.parent.mkdir()
    config.rename(kept)
    config.symlink_to(kept)
    keywright("install", "docker", "a.io")
    assert config.is_symlink()
    assert helpers(kept) == {"ghcr.io": "gh", "a.io": "keywright"}
    keywright("uninstall", "docker")
    assert config.is_symlink()
    assert kept.read_bytes() == THEIRS


def test_a_read_only_file_is_one_clear_line_and_nothing_is_remembered(
    keywright: Terminal, config: Path, own: Path
) -> None:
    config.chmod(0o400)
    done = keywright("install", "docker", "a.io")
    assert (done.code, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"keywright: {config} cannot be written (EACCES), it is as it was; make it writable [unavailable]\n"
    )
    assert (config.read_bytes(), remembered(own)) == (THEIRS, [])


def test_a_broken_file_is_one_clear_line(keywright: Terminal, config: Path) -> None:
    config.write_bytes(b'{"auths": canary')
    for flags in ((), ("--dry-run",)):
        done = keywright("install", "docker", "a.io", *flags)
        assert (done.code, done.stdout) == (2, "")
        assert (
            done.stderr == f"keywright: {config} is not a JSON object; mend it; nothing was changed [configuration]\n"
        )
    assert config.read_bytes() == b'{"auths": canary'


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 2}'])
def test_a_memory_that_cannot_be_read_stops_everything(
    keywright: Terminal, config: Path, own: Path, content: bytes
) -> None:
    keywright("install", "docker", "a.io")
    before = config.read_bytes()
    (own / "state/installed.json").write_bytes(content)
    for words in (("install", "docker", "b.io"), ("uninstall", "docker")):
        done = keywright(*words)
        assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "installed.json" in done.stderr
    assert config.read_bytes() == before
    assert (own / "state/installed.json").read_bytes() == content


def test_what_is_remembered_is_private(keywright: Terminal, config: Path, own: Path) -> None:
    keywright("install", "docker", "a.io")
    assert (own / "state/installed.json").stat().st_mode & 0o777 == 0o600


def test_a_crash_before_the_file_is_replaced_costs_nothing(
    keywright: Terminal, config: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill: what was there is remembered, and the file is as it was."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(story, "replace", killed)
        patch.setattr(memory.Memory, "unseal", killed)
        with pytest.raises(Killed):
            keywright("install", "docker", "ghcr.io", "--force")
    assert config.read_bytes() == THEIRS
    assert keywright("install", "docker", "ghcr.io", "--force").code == 0
    keywright("uninstall", "docker")
    assert config.read_bytes() == THEIRS


def test_a_change_in_between_is_planned_anew(
    keywright: Terminal, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., bool] = file.replace
    tries = []

    def raced(*args: object) -> bool:
        tries.append(args)
        if len(tries) == 1:
            config.write_text('{"credHelpers": {"b.io": "theirs"}}')
        return real(*args)

    monkeypatch.setattr(story, "replace", raced)
    assert keywright("install", "docker", "a.io").code == 0
    assert helpers(config) == {"b.io": "theirs", "a.io": "keywright"}


def test_a_file_that_always_changes_is_busy(
    keywright: Terminal, config: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "replace", lambda *_: False)
    done = keywright("install", "docker", "a.io")
    assert (done.code, done.stderr) == (5, f"keywright: {config} changes all the time; try again [busy]\n")
    assert remembered(own) == []


class TestWhatMayBeSecret:
    """git's helpers go to the vault; the rest of the story is the same."""

    @pytest.fixture
    def gitconfig(self, home: Path) -> Path:
        path = home / ".gitconfig"
        path.write_text('[credential "https://github.com"]\n\thelper = "!f() { echo password=canary; }; f"\n')
        return path

    def test_it_is_in_the_vault_only_and_comes_back(
        self, keywright: Terminal, gitconfig: Path, home: Path, vault: OwnVault
    ) -> None:
        before = gitconfig.read_bytes()
        refused = keywright("install", "git", "https://github.com")
        assert (refused.code, "canary" in refused.stderr) == (2, False)
        done = keywright("install", "git", "https://github.com", "--force")
        (name,) = vault.records
        assert name.startswith("install git credential.https://github.com.helper ")
        assert "canary" in vault.records[name].reveal()
        assert b"canary" not in b"".join(content for content, _ in everything(home).values())
        back = keywright("uninstall", "git")
        assert gitconfig.read_bytes() == before
        assert vault.records == {}
        assert "canary" not in "".join((*done[1:], *back[1:]))

    def test_a_locked_vault_stops_before_anything_changes(
        self, keywright: Terminal, gitconfig: Path, own: Path, vault: OwnVault
    ) -> None:
        before = gitconfig.read_bytes()
        vault.lock()
        done = keywright("install", "git", "https://github.com", "--force")
        assert (done.code, done.stdout) == (4, "")
        assert "keywright vault unlock" in done.stderr
        assert gitconfig.read_bytes() == before
        assert not (own / "state/installed.json").exists()
        vault.unlock()
        keywright("install", "git", "https://github.com", "--force")
        vault.lock()
        during = gitconfig.read_bytes()
        assert keywright("uninstall", "git").code == 4
        assert gitconfig.read_bytes() == during

    def test_gone_from_the_vault_it_cannot_come_back_and_that_is_said(
        self, keywright: Terminal, gitconfig: Path, vault: OwnVault
    ) -> None:
        keywright("install", "git", "https://github.com", "--force")
        vault.clear()
        done = keywright("uninstall", "git")
        assert done.code == 0
        assert "is no longer in the vault" in done.stderr
        assert gitconfig.read_bytes() == b""

    def test_a_failure_leaves_nothing_in_the_vault(self, keywright: Terminal, gitconfig: Path, vault: OwnVault) -> None:
        gitconfig.chmod(0o400)
        assert keywright("install", "git", "https://github.com", "--force").code == 1
        assert vault.records == {}

    @pytest.mark.parametrize("failing", ["the file", "the memory"])
    def test_a_failure_leaves_in_the_vault_what_an_earlier_install_replaced(
        self,
        keywright: Terminal,
        gitconfig: Path,
        vault: OwnVault,
        failing: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        theirs = gitconfig.read_bytes()
        keywright("install", "git", "https://github.com", "--force")
        (ours, before) = gitconfig.read_bytes(), {name: kept.reveal() for name, kept in vault.records.items()}
        gitconfig.write_bytes(theirs.replace(b"canary", b"another"))

        def full(_: memory.Memory) -> None:
            raise CacheUnusable("full")

        with monkeypatch.context() as patch:
            if failing == "the file":
                gitconfig.chmod(0o400)
            else:
                patch.setattr(memory.Memory, "save", full)
            assert keywright("install", "git", "https://github.com", "--force").code == 1
        assert {name: kept.reveal() for name, kept in vault.records.items()} == before
        gitconfig.chmod(0o600)
        gitconfig.write_bytes(ours)
        assert keywright("uninstall", "git").code == 0
        assert gitconfig.read_bytes() == theirs

    def test_removed_by_hand_and_set_up_again_it_still_comes_back(
        self, keywright: Terminal, gitconfig: Path, vault: OwnVault
    ) -> None:
        theirs = gitconfig.read_bytes()
        keywright("install", "git", "https://github.com", "--force")
        gitconfig.write_bytes(b"")
        keywright("install", "git", "https://github.com")
        keywright("uninstall", "git")
        assert gitconfig.read_bytes() == theirs
        assert vault.records == {}

    def test_what_nothing_refers_to_any_more_leaves_the_vault(
        self, keywright: Terminal, gitconfig: Path, vault: OwnVault
    ) -> None:
        keywright("install", "git", "https://github.com", "--force")
        gitconfig.write_text('[credential "https://github.com"]\n\thelper = keywright\n')
        keywright("install", "git", "https://github.com")
        assert vault.records == {}

    def test_what_is_forgotten_leaves_the_vault(self, keywright: Terminal, gitconfig: Path, vault: OwnVault) -> None:
        keywright("install", "git", "https://github.com", "--force")
        gitconfig.write_bytes(b"")
        keywright("uninstall", "git")
        assert len(vault.records) == 1
        keywright("uninstall", "git", "--forget")
        assert vault.records == {}


def test_the_editors_are_what_the_contract_says() -> None:
    docker, gits = DockerFile("docker", "/x"), git.GitFile("/x", "git", os.environ)
    assert (docker.client, gits.client) == ("docker", "git")
    docker.check_replaceable(b"", "")
    gits.check_replaceable(b"", "")
    with pytest.raises(ConfigurationError):
        docker.find(b"[]", [])
