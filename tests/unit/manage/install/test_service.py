"""The agent as a service: the file's text by systemd's own check and by launchd's own format, and no step more."""

import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.terminal import Terminal
from keywright.errors import ConfigurationError, Unavailable
from keywright.manage.install.service import ServiceFile, service_path, service_text

UNIT, PLIST = "/x/keywright-agent.service", "/x/keywright-agent.plist"
ODD = [
    "/opt/key wright/bin/keywright",
    "/opt/100%/keywright",
    "/opt/$HOME/keywright",
    "/opt/%h/${A} {b}/keywright",
    "/ö/keywright",
]


def words(text: str, key: str) -> list[str]:
    r"""Read a unit's assignment back: words in quotes, `\` before what it escapes, `%%` for `%`."""
    (value,) = re.findall(rf"(?m)^{key}=(.*)$", text)
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)
    return [re.sub(r"\\(.)", r"\1", quoted or plain).replace("%%", "%") for quoted, plain in found]


@pytest.mark.parametrize("program", ODD)
def test_the_program_and_the_home_stand_in_both_kinds_of_file(program: str) -> None:
    env = {"KEYWRIGHT_HOME": '/ho me/"q" \\b %h $X', "AWS_PROFILE": "prod", "PATH": "/bin"}
    unit = service_text(UNIT, program, env)
    assert words(unit, "ExecStart") == [program, "agent"]
    assert words(unit, "Environment") == [f"KEYWRIGHT_HOME={env['KEYWRIGHT_HOME']}"]
    plist = plistlib.loads(service_text(PLIST, program, env).encode())
    assert plist["ProgramArguments"] == [program, "agent"]
    assert plist["EnvironmentVariables"] == {"KEYWRIGHT_HOME": env["KEYWRIGHT_HOME"]}
    assert plist["RunAtLoad"] is True
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    for text in (unit, str(plist)):
        assert "AWS_PROFILE" not in text


def test_nothing_of_the_environment_is_written_that_was_not_set() -> None:
    assert "Environment" not in service_text(UNIT, "/bin/keywright", {})
    assert "EnvironmentVariables" not in service_text(PLIST, "/bin/keywright", {})


@pytest.mark.parametrize(
    "program", ["/opt/a\nb/keywright", '/opt/"/keywright', "/opt/\\/keywright", "/opt/it's/keywright"]
)
def test_a_path_that_systemd_would_refuse_is_refused(program: str) -> None:
    with pytest.raises(ConfigurationError):
        service_text(UNIT, program, {})


def test_what_it_starts_may_be_set_to_another_user_or_group() -> None:
    """As sudo, a snap and 1Password's `op` are, which a `credential_process` may run (systemd.exec(5))."""
    implying = ("NoNewPrivileges", "Restrict", "Lock", "Protect", "Private", "SystemCall", "MemoryDeny", "Dynamic")
    unit = service_text("/x/keywright-agent.service", "/bin/keywright", {})
    assert [line for line in unit.splitlines() if line.startswith(implying)] == []


@pytest.mark.real_clock
@pytest.mark.parametrize("folder", ["plain", "key wright", "100%", "$HOME", "%h ${A} {b}"])
def test_systemd_accepts_the_unit(tmp_path: Path, folder: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:  # the text is read back above, wherever this runs
        return
    program = tmp_path / folder / "keywright"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "keywright-agent.service"
    unit.write_text(service_text(str(unit), str(program), {"KEYWRIGHT_HOME": str(tmp_path / folder)}))
    done = subprocess.run(
        [analyze, "verify", "--user", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_belongs_where_the_system_looks_for_it() -> None:
    env = {"HOME": "/home/me"}
    assert service_path(env, "linux") == "/home/me/.config/systemd/user/keywright-agent.service"
    assert service_path({**env, "XDG_CONFIG_HOME": "/cfg"}, "linux") == "/cfg/systemd/user/keywright-agent.service"
    assert service_path({**env, "XDG_CONFIG_HOME": "cfg"}, "linux") == service_path(env, "linux")
    assert service_path(env, "darwin") == "/home/me/Library/LaunchAgents/keywright-agent.plist"
    with pytest.raises(Unavailable):
        service_path(env, "win32")


@pytest.fixture
def unit(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "platform", "linux")
    return home / ".config/systemd/user/keywright-agent.service"


def test_it_is_written_once_and_taken_away_again(keywright: Terminal, own: Path, unit: Path) -> None:
    shown = keywright("install", "agent", "--dry-run")
    assert not unit.exists()
    assert "+ExecStart=" in shown.stdout
    done = keywright("install", "agent")
    assert (done.code, done.stdout) == (0, f"{unit}: service is set\n")
    assert "systemctl --user enable --now keywright-agent" in done.stderr
    text = unit.read_text()
    assert words(text, "ExecStart") == [str(Path(sys.executable).parent / "keywright"), "agent"]
    assert words(text, "Environment") == [f"KEYWRIGHT_HOME={own}"]
    again = keywright("install", "agent")
    assert (again.code, again.stdout) == (0, f"{unit}: already set up\n")
    assert unit.read_text() == text
    gone = keywright("uninstall", "agent")
    assert (gone.code, gone.stdout) == (0, f"{unit}: service is removed\n")
    assert "systemctl --user disable --now keywright-agent" in gone.stderr
    assert not unit.exists()


def test_another_s_unit_is_left_alone_unless_forced_and_put_back(keywright: Terminal, own: Path, unit: Path) -> None:
    theirs = "[Service]\nExecStart=/bin/other\nEnvironment=TOKEN=hunter2\n"
    unit.parent.mkdir(parents=True)
    unit.write_text(theirs)
    refused = keywright("install", "agent")
    assert refused.code == 2
    assert "--force" in refused.stderr
    shown = keywright("install", "agent", "--force", "--dry-run")
    assert "hunter2" not in shown.stdout
    assert keywright("install", "agent", "--force").code == 0
    assert keywright("uninstall", "agent").code == 0
    assert unit.read_text() == theirs


def test_one_that_was_changed_since_is_left_as_it_is(keywright: Terminal, own: Path, unit: Path) -> None:
    keywright("install", "agent")
    unit.write_text(unit.read_text() + "# mine\n")
    done = keywright("uninstall", "agent")
    assert "changed by somebody else" in done.stderr
    assert unit.exists()


def test_a_file_of_ours_is_known_in_either_format() -> None:
    for path in (UNIT, PLIST):
        text = service_text(path, "/bin/keywright", {})
        editor = ServiceFile(path)
        assert editor.is_ours("service", text)
        assert editor.find(editor.edit(b"", {"service": text}), ["service"]) == {"service": text}
        assert editor.is_empty(editor.edit(text.encode(), {"service": None}))
