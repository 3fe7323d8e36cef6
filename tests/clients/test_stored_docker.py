"""docker, skopeo and the keeping of what people type into `login`: stored, listed, given back, erased."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from clients.sandbox import Done, Sandbox, find_program
from clients.servers import DockerRegistry
from fakes.canary import TYPED
from keywright.demo.exchange import basic_credentials
from keywright.demo.registry import RegistryServer

HELPER = "docker-credential-keywright"
NOT_FOUND = "credentials not found in native keychain\n"
HUB = "https://index.docker.io/v1/"


@pytest.fixture
def registry(sandbox: Sandbox) -> Iterator[RegistryServer]:
    """A registry that lets in ann, and a docker that has us keep its passwords."""
    find_program("docker")
    sandbox.write(sandbox.home / ".docker/config.json", json.dumps({"credsStore": "keywright"}))
    with RegistryServer(authorises=lambda username, password: (username, password) == ("ann", TYPED)) as server:
        yield server


def helper(sandbox: Sandbox, action: str, stdin: str = "") -> Done:
    return sandbox.run(HELPER, action, stdin=stdin)


def store(sandbox: Sandbox, server: str, username: str, secret: str) -> None:
    document = json.dumps({"ServerURL": server, "Username": username, "Secret": secret})
    done = helper(sandbox, "store", document + "\n")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def log_in(sandbox: Sandbox, host: str, password: str = TYPED) -> Done:
    return sandbox.run("docker", "login", "--username", "ann", "--password-stdin", host, stdin=password)


def test_a_login_lets_the_next_pull_in_and_a_logout_ends_it(sandbox: Sandbox, registry: RegistryServer) -> None:
    done = log_in(sandbox, registry.host)
    assert (done.code, done.stdout) == (0, "Login Succeeded\n")
    assert sandbox.holds(TYPED) == []
    pull = ("docker", "manifest", "inspect", "--insecure", f"{registry.host}/demo/app:1")
    assert sandbox.run(*pull).code == 0
    assert ("ann", TYPED) in {basic_credentials(fact.call) for fact in registry.facts}
    logout = sandbox.run("docker", "logout", registry.host)
    assert (logout.code, logout.stderr) == (0, "")
    assert helper(sandbox, "list").stdout == "{}\n"
    assert helper(sandbox, "get", registry.host).stdout == NOT_FOUND


def test_a_wrong_password_is_not_kept(sandbox: Sandbox, registry: RegistryServer) -> None:
    assert log_in(sandbox, registry.host, "wrong").code != 0
    assert helper(sandbox, "list").stdout == "{}\n"


@pytest.mark.parametrize(
    ("server", "username", "secret"),
    [
        ("registry.example:5000", "ann", TYPED),
        (HUB, "<token>", "refresh-token"),
        (f"{HUB}access-token", "ann", "x" * 100_000),
        ("registry.example", "a:b", ""),
        ("registry.example", "ünï", '"\\\n\u2028'),
    ],
)
def test_what_is_stored_comes_back_to_the_byte(sandbox: Sandbox, server: str, username: str, secret: str) -> None:
    store(sandbox, server, username, secret)
    got = helper(sandbox, "get", server)
    assert json.loads(got.stdout) == {"ServerURL": server, "Username": username, "Secret": secret}
    assert json.loads(helper(sandbox, "list").stdout) == {server: username}
    assert helper(sandbox, "erase", server).code == 0
    assert helper(sandbox, "get", server).stdout == NOT_FOUND


def test_every_listed_entry_gets(sandbox: Sandbox) -> None:
    servers = {HUB: "hub", f"{HUB}refresh-token": "<token>", "a.example": "ann", "https://b.example:5000": "bob"}
    for server, username in servers.items():
        store(sandbox, server, username, f"secret of {username}")
    listed = json.loads(helper(sandbox, "list", "unused").stdout)
    assert listed == servers
    for server, username in listed.items():
        assert json.loads(helper(sandbox, "get", server).stdout)["Username"] == username


def test_an_entry_that_a_route_serves_is_not_listed(sandbox: Sandbox) -> None:
    store(sandbox, "a.example", "ann", "p")
    store(sandbox, "b.example", "bob", "p")
    static = '[profiles."static:a"]\nurl = "a.example"\nusername = "ci"\nsecret = "env://A_TOKEN"'
    sandbox.settings(static, '[[routes]]\nclient = "docker"\nurl = "a.example"\nprofiles = ["static:a"]')
    assert json.loads(helper(sandbox, "list").stdout) == {"b.example": "bob"}
    served = sandbox.run(HELPER, "get", stdin="a.example", env={"A_TOKEN": "from the environment"})
    assert json.loads(served.stdout)["Secret"] == "from the environment"
    again = helper(sandbox, "store", json.dumps({"ServerURL": "a.example", "Username": "ann", "Secret": "p"}))
    assert (again.code, again.stdout) == (0, "")
    assert again.stderr == f"{HELPER}: not stored: a route of keywright's serves a.example\n"


def test_a_locked_vault_is_told_in_dockers_words(sandbox: Sandbox, registry: RegistryServer) -> None:
    made = sandbox.run("keywright", "vault", "init", "--key", "passphrase", stdin="open sesame\n")
    assert made.code == 0
    sandbox.run("keywright", "vault", "lock")
    done = log_in(sandbox, registry.host)
    assert done.code == 1
    assert "Error saving credentials" in done.stderr
    assert "keywright vault unlock" in done.stderr
    assert TYPED not in done.stderr
    assert helper(sandbox, "get", "never.example").stdout == NOT_FOUND


def test_forty_logins_at_once_are_forty_entries(sandbox: Sandbox) -> None:
    env = {**sandbox.env}
    started = []
    for number in range(40):
        process = subprocess.Popen([HELPER, "store"], env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin
        document = {"ServerURL": f"r{number}.example", "Username": "ann", "Secret": f"{TYPED} {number}"}
        process.stdin.write(json.dumps(document).encode())
        process.stdin.close()
        started.append(process)
    for process in started:
        assert process.stderr
        assert (process.stderr.read(), process.wait(60)) == (b"", 0)
        process.stderr.close()
    listed = json.loads(helper(sandbox, "list").stdout)
    assert listed == {f"r{number}.example": "ann" for number in range(40)}
    assert json.loads(helper(sandbox, "get", "r7.example").stdout)["Secret"] == f"{TYPED} 7"


def test_skopeo_logs_in_tells_whom_and_logs_out_of_everything(
    sandbox: Sandbox, docker_registry: DockerRegistry
) -> None:
    find_program("skopeo")
    docker_registry.allow("ann", TYPED)
    host = docker_registry.host
    sandbox.write(sandbox.home / "auth.json", json.dumps({"credHelpers": {host: "keywright"}}))
    login = sandbox.run(
        "skopeo", "login", "--tls-verify=false", "--username", "ann", "--password-stdin", host, stdin=TYPED
    )
    assert (login.code, login.stdout, login.stderr) == (0, "Login Succeeded!\n", "")
    told = sandbox.run("skopeo", "login", "--get-login", host)
    assert (told.code, told.stdout, told.stderr) == (0, "ann\n", "")
    assert sandbox.holds(TYPED) == []
    everywhere = sandbox.run("skopeo", "logout", "--all")
    assert (everywhere.code, everywhere.stderr) == (0, "")
    assert helper(sandbox, "list").stdout == "{}\n"
    assert sandbox.run("skopeo", "login", "--get-login", host).code != 0
