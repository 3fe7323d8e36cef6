"""The settings are a contract: what may stand in them, what it means, and what is said of everything else."""

import os
import re
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.cache.seals import FileSeals
from keywright.errors import ConfigurationError
from keywright.hit import stamp
from keywright.request import Client, Url
from keywright.settings.load import load, locate
from keywright.settings.model import EcrOptions, EksOptions, GithubAppOptions, Profile, Route, Settings

EXAMPLE = """\
version = 1

[profiles."github-app:acme"]
app_id = "123456"
private_key = "~/keys/acme.pem"
installation_id = 789
api_url = "https://api.github.com"
repositories = ["web"]
permissions = { contents = "read" }

[profiles."aws-eks:prod"]
cluster = "prod"
region = "eu-central-1"
aws_profile = "prod"
renew_before = "3m"

[profiles."aws-ecr:prod"]

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]

[[routes]]
client = "docker"
url = "*.dkr.ecr.eu-central-1.amazonaws.com"
profiles = ["aws-ecr:prod"]
"""

EKS = '[profiles."aws-eks:prod"]\ncluster = "prod"\nregion = "eu-central-1"\n'
APP = '[profiles."github-app:acme"]\napp_id = "1"\nprivate_key = "/k"\n'
ROUTE = '[[routes]]\nclient = "git"\nurl = "https://github.com"\nprofiles = ["github-app:acme"]\n'
WHOLE = APP + "installation_id = 1\n" + ROUTE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(file: Path, text: str) -> Settings:
    file.write_text(text)
    return load(str(file))


def refusal(file: Path, text: str | bytes) -> str:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as raised:
        load(str(file))
    told = str(raised.value)
    assert told.startswith(str(file))
    return told.removeprefix(str(file)).removeprefix(", ")


# --- what it means --------------------------------------------------------------------------------------------------


def test_the_example_of_the_contract(file: Path) -> None:
    assert read(file, EXAMPLE) == Settings(
        source=str(file),
        stamp=stamp(str(file)),
        profiles={
            "github-app:acme": Profile(
                id="github-app:acme",
                options=GithubAppOptions(
                    app_id="123456",
                    private_key="~/keys/acme.pem",
                    installation_id=789,
                    api_url="https://api.github.com",
                    repositories=("web",),
                    permissions={"contents": "read"},
                ),
            ),
            "aws-eks:prod": Profile(
                id="aws-eks:prod",
                options=EksOptions(cluster="prod", region="eu-central-1", aws_profile="prod"),
                renew_before=timedelta(minutes=3),
            ),
            "aws-ecr:prod": Profile(id="aws-ecr:prod", options=EcrOptions()),
        },
        routes=(
            Route(
                client=Client.GIT,
                url=Url(scheme="https", host="github.com", path="acme"),
                profiles=("github-app:acme",),
            ),
            Route(
                client=Client.DOCKER,
                url=Url(scheme="", host="*.dkr.ecr.eu-central-1.amazonaws.com"),
                profiles=("aws-ecr:prod",),
            ),
        ),
    )


def test_the_defaults(file: Path) -> None:
    profiles = read(file, f'version = 1\n{EKS}[profiles."aws-ecr:x"]\n{APP}owner = "acme"\n').profiles
    eks, ecr, app = (profiles[name] for name in ("aws-eks:prod", "aws-ecr:x", "github-app:acme"))
    assert eks.options == EksOptions(cluster="prod", region="eu-central-1", url_expires_s=60)
    assert ecr.options == EcrOptions(registry="", aws_profile="", role_arn="", external_id="", session_name="")
    assert app.options == GithubAppOptions(
        app_id="1", private_key="/k", owner="acme", api_url="https://api.github.com", repositories=(), permissions={}
    )
    assert {(profile.renew_before, profile.refuse_before) for profile in (eks, ecr, app)} == {(None, None)}


@pytest.mark.parametrize("make", [lambda _file: None, lambda file: file.parent.joinpath("x").touch()])
def test_no_file_is_no_settings(make: object, file: Path) -> None:
    assert callable(make)
    make(file)
    for path in (file, file.parent / "x/config.toml", file.parent / "nowhere/config.toml"):
        assert load(str(path)) == Settings(source=str(path), stamp="-", profiles={}, routes=())


@pytest.mark.parametrize("text", ["version = 1", "version = 1\nroutes = []\n[profiles]\n", "# said\nversion=1\r\n"])
def test_settings_that_settle_nothing(text: str, file: Path) -> None:
    settings = read(file, text)
    assert (settings.profiles, settings.routes) == ({}, ())
    assert settings.stamp == stamp(str(file))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("3m", timedelta(minutes=3)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1h2m3s", timedelta(hours=1, minutes=2, seconds=3)),
        ("2h5s", timedelta(hours=2, seconds=5)),
        ("0s", timedelta(0)),
        ("007m", timedelta(minutes=7)),
        ("99999h", timedelta(hours=99999)),
    ],
)
def test_a_duration(text: str, span: timedelta, file: Path) -> None:
    (profile,) = read(file, f'version = 1\n{EKS}renew_before = "{text}"\nrefuse_before = "0s"\n').profiles.values()
    assert (profile.renew_before, profile.refuse_before) == (span, timedelta(0))


def test_margins_may_be_equal(file: Path) -> None:
    read(file, f'version = 1\n{EKS}renew_before = "60s"\nrefuse_before = "1m"\n')


@pytest.mark.parametrize(
    ("client", "url", "expected"),
    [
        ("git", "https://github.com", Url(scheme="https", host="github.com")),
        ("git", "HTTPS://GitHub.COM./Acme/", Url(scheme="https", host="github.com", path="Acme")),
        ("git", "https://github.com:443/acme/web", Url(scheme="https", host="github.com", path="acme/web")),
        ("git", "https://github.com/acme/web.git", Url(scheme="https", host="github.com", path="acme/web")),
        ("git", "https://host/srv/.git", Url(scheme="https", host="host", path="srv/.git")),
        ("git", "https://host/.git", Url(scheme="https", host="host", path=".git")),
        ("git", "https://github.com:8443", Url(scheme="https", host="github.com:8443")),
        ("git", "https://*.example.com/a", Url(scheme="https", host="*.example.com", path="a")),
        ("git", "https://*.*.example.com", Url(scheme="https", host="*.*.example.com")),
        ("git", "https://git.*.example.com:8443", Url(scheme="https", host="git.*.example.com:8443")),
        ("git", "https://*:8443", Url(scheme="https", host="*:8443")),
        ("git", "http://localhost:3000/x", Url(scheme="http", host="localhost:3000", path="x")),
        ("git", "http://127.0.0.1:8080", Url(scheme="http", host="127.0.0.1:8080")),
        ("git", "http://[::1]:8080", Url(scheme="http", host="[::1]:8080")),
        ("kube", "https://10.0.0.1:6443", Url(scheme="https", host="10.0.0.1:6443")),
        ("docker", "ghcr.io", Url(scheme="", host="ghcr.io")),
        ("docker", "https://ghcr.io/acme", Url(scheme="https", host="ghcr.io", path="acme")),
        ("docker", "registry.local:5000/a.git", Url(scheme="", host="registry.local:5000", path="a.git")),
        ("docker", "http://localhost:5000", Url(scheme="http", host="localhost:5000")),
    ],
)
def test_the_url_of_a_route_is_read_in_normal_form(client: str, url: str, expected: Url, file: Path) -> None:
    route = ROUTE.replace('"git"', f'"{client}"').replace("https://github.com", url)
    (found,) = read(file, f"version = 1\n{APP}installation_id = 1\n{route}").routes
    assert found == Route(client=Client(client), url=expected, profiles=("github-app:acme",))


@pytest.mark.parametrize("name", ["a", "acme", "A.b_c@d-e9", "prod.eu-1", "1"])
def test_a_name_of_a_profile(name: str, file: Path) -> None:
    assert list(read(file, f'version = 1\n[profiles."aws-ecr:{name}"]\n').profiles) == [f"aws-ecr:{name}"]


def test_the_provider_may_be_repeated(file: Path) -> None:
    read(file, f'version = 1\n{EKS}provider = "aws-eks"\n')


# --- what is wrong --------------------------------------------------------------------------------------------------

PROFILE = r'\[profiles\."aws-eks:prod"\]: '
GITHUB = r'\[profiles\."github-app:acme"\]: '
FIRST = r"\[\[routes\]\] number 1: "
OWNED = APP + 'owner = "acme"\n'

WRONG: dict[str, tuple[str, str]] = {
    # the top level
    "no version": ("", r"the top level: `version` must be 1; write `version = 1` first"),
    "version 2": ("version = 2", r"the top level: `version` must be 1.*"),
    "version 0": ("version = 0", r"the top level: `version` must be 1.*"),
    "version true": ("version = true", r"the top level: `version` must be 1.*"),
    "version as a float": ("version = 1.0", r"the top level: `version` must be 1.*"),
    "version as text": ('version = "1"', r"the top level: `version` must be 1.*"),
    "an unknown key": ("version = 1\ncolour = 1", r"the top level: there is no key `colour`"),
    "a key that is nearly right": (
        "version = 1\n[profile]",
        r"the top level: there is no key `profile`; did you mean `profiles`\?",
    ),
    "nearly routes": ("version = 1\n[[route]]", r"the top level: there is no key `route`; did you mean `routes`\?"),
    "profiles of a wrong type": ("version = 1\nprofiles = 3", r"the top level: `profiles`: expected .*"),
    "a profile of a wrong type": ("version = 1\n[profiles]\nx = 3", r"\[profiles\]: `x`: expected a table, got `int`"),
    "routes of a wrong type": ("version = 1\nroutes = 3", r"the top level: `routes`: expected .*"),
    "a route of a wrong type": ('version = 1\nroutes = ["x"]', r"the top level: `routes`: expected .*"),
    "a profile of the vault's": (
        'version = 1\n[profiles."openai:work"]\nkey = "vault://K"',
        r'\[profiles\."openai:work"\]: there is no provider `openai`; .*`keywright profile add openai:work` .*',
    ),
    "a provider that is nobody's": (
        'version = 1\n[profiles."a\\u001bb:work"]',
        r".*; there are access-key, .*, static",
    ),
    "a profile twice": (
        f"version = 1\n{EKS}{EKS}",
        r" says something twice: .*profiles.*aws-eks:prod.*; keep one of .*",
    ),
    "a key twice": (f'version = 1\n{EKS}region = "x"', r" says something twice: .*; keep one of the two"),
    # profiles
    "an unknown provider": (
        'version = 1\n[profiles."azure:x"]',
        r'\[profiles\."azure:x"\]: there is no provider `azure`; there are access-key, aws-codecommit, .* of another',
    ),
    "a provider that is nearly right": (
        'version = 1\n[profiles."aws-ek:x"]',
        r'\[profiles\."aws-ek:x"\]: there is no provider `aws-ek`; did you mean `aws-eks`\?',
    ),
    "a region that is none": (
        'version = 1\n[profiles."aws-codecommit:x"]\nregion = "eu-central-1.evil.example"',
        r'\[profiles\."aws-codecommit:x"\]: `region` is not an AWS region; write it as eu-central-1',
    ),
    "a repository that is only a host": (
        'version = 1\n[profiles."aws-codecommit:x"]\nrepository = "https://git-codecommit.eu-west-1.amazonaws.com"',
        r'\[profiles\."aws-codecommit:x"\]: `repository` is not a repository\'s https:// URL',
    ),
    "a session that is shared": (
        'version = 1\n[profiles."aws-session:x"]',
        r'\[profiles\."aws-session:x"\]: a shared AWS session is made by itself; give the profiles .*',
    ),
    "another provider than the name's": (
        f'version = 1\n{EKS}provider = "aws-ecr"',
        PROFILE + r'`provider` disagrees with the profile\'s name; write provider = "aws-eks"',
    ),
    "a provider of a wrong type": (f"version = 1\n{EKS}provider = 1", PROFILE + r"`provider` disagrees .*"),
    "a missing key": (
        'version = 1\n[profiles."aws-eks:prod"]\ncluster = "prod"',
        PROFILE + r"`region` is missing",
    ),
    "an empty key": (
        'version = 1\n[profiles."aws-eks:prod"]\ncluster = ""\nregion = "x"',
        PROFILE + r"`cluster` is empty",
    ),
    "an unknown setting": (f"version = 1\n{EKS}xyz = 1", PROFILE + r"there is no key `xyz`"),
    "a setting that is nearly right": (
        f'version = 1\n{EKS}refuse_befor = "1m"',
        PROFILE + r"there is no key `refuse_befor`; did you mean `refuse_before`\?",
    ),
    "another provider's setting": (f'version = 1\n{EKS}app_id = "1"', PROFILE + r"there is no key `app_id`.*"),
    "a number for text": (f"version = 1\n{EKS}role_arn = 1", PROFILE + r"`role_arn`: expected `str`, got `int`"),
    "a date for text": (f"version = 1\n{EKS}role_arn = 2030-01-01", PROFILE + r"`role_arn`: expected `str`, got .*"),
    "text for a number": (
        f'version = 1\n{EKS}url_expires_s = "60"',
        PROFILE + r"`url_expires_s`: expected `int`, got `str`",
    ),
    "a truth for a number": (
        f"version = 1\n{EKS}url_expires_s = true",
        PROFILE + r"`url_expires_s`: expected `int`, .*",
    ),
    "too short a time": (f"version = 1\n{EKS}url_expires_s = 0", PROFILE + r"`url_expires_s` is not within 1 to 900"),
    "too long a time": (f"version = 1\n{EKS}url_expires_s = 901", PROFILE + r"`url_expires_s` is not within 1 to 900"),
    "renewing after refusing": (
        f'version = 1\n{EKS}renew_before = "59s"\nrefuse_before = "1m"',
        PROFILE + r"`renew_before` is shorter than `refuse_before`; renew before refusing",
    ),
    # GitHub Apps
    "neither installation nor owner": (f"version = 1\n{APP}", GITHUB + r"give either `installation_id` or `owner`"),
    "both installation and owner": (
        f"version = 1\n{OWNED}installation_id = 1",
        GITHUB + r"give either `installation_id` or `owner`",
    ),
    "an installation that is none": (f"version = 1\n{APP}installation_id = 0", GITHUB + r"`installation_id` is not .*"),
    "an installation as text": (
        f'version = 1\n{APP}installation_id = "1"',
        GITHUB + r"`installation_id`: expected `int.*`, got `str`",
    ),
    "an owner that is a path": (f'version = 1\n{APP}owner = "a/b"', GITHUB + r"`owner` is not .*"),
    "an app as a number": (
        f"version = 1\n{OWNED}".replace('"1"', "1"),
        GITHUB + r"`app_id`: expected `str`, got `int`",
    ),
    "an app that is a path": (
        f"version = 1\n{OWNED}".replace('"1"', '"../1"'),
        GITHUB + r"`app_id` is not an app's id; .*",
    ),
    "a relative key file": (
        f"version = 1\n{OWNED}".replace('"/k"', '"keys/k.pem"'),
        GITHUB + r"`private_key` is not an absolute path; start it with / or ~/, or write vault://NAME",
    ),
    "another user's home": (
        f"version = 1\n{OWNED}".replace('"/k"', '"~root/k"'),
        GITHUB + r"`private_key` is not an .*",
    ),
    "a repository that is no text": (
        f"version = 1\n{OWNED}repositories = [1]",
        GITHUB + r"`repositories`: expected `str`, got `int`",
    ),
    "repositories that are no list": (
        f'version = 1\n{OWNED}repositories = "web"',
        GITHUB + r"`repositories`: expected .*",
    ),
    "a permission that is no text": (
        f"version = 1\n{OWNED}permissions = {{ contents = true }}",
        GITHUB + r"`permissions`: expected `str`, got `bool`",
    ),
    # routes
    "a route without client": (
        f"version = 1\n{WHOLE}".replace('client = "git"\n', ""),
        FIRST + r"`client` is missing",
    ),
    "a route without url": (
        f"version = 1\n{WHOLE}".replace('url = "https://github.com"\n', ""),
        FIRST + r"`url` is missing",
    ),
    "a route without profiles": (
        f"version = 1\n{WHOLE}".replace('profiles = ["github-app:acme"]\n', ""),
        FIRST + r"`profiles` is missing",
    ),
    "a route to nobody": (
        f"version = 1\n{WHOLE}".replace('["github-app:acme"]', "[]"),
        FIRST + r"`profiles` is empty",
    ),
    "a route to an unknown profile": (
        f"version = 1\n{WHOLE}".replace('["github-app:acme"]', '["github-app:acm"]'),
        FIRST + r"there is no profile `github-app:acm`; did you mean `github-app:acme`\?",
    ),
    "a route to one profile twice": (
        f"version = 1\n{WHOLE}".replace('["github-app:acme"]', '["github-app:acme", "github-app:acme"]'),
        FIRST + r"profile `github-app:acme` is listed twice",
    ),
    "a route to a number": (
        f"version = 1\n{WHOLE}".replace('["github-app:acme"]', "[1]"),
        FIRST + r"`profiles`: expected `str`, got `int`",
    ),
    "a route's unknown key": (
        f"version = 1\n{WHOLE}profile = 1",
        FIRST + r"there is no key `profile`; did you mean .*",
    ),
    "a route's unknown client": (
        f"version = 1\n{WHOLE}".replace('"git"', '"dockr"'),
        FIRST + r"`client` is not one of git, docker, kube; did you mean `docker`\?",
    ),
    "a route for people": (
        f"version = 1\n{WHOLE}".replace('"git"', '"keywright"'),
        FIRST + r"`client` is not one of git, docker, kube",
    ),
    "the second route": (
        f"version = 1\n{WHOLE}" + ROUTE.replace('"git"', "7"),
        r"\[\[routes\]\] number 2: `client`: expected `str`, got `int`",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_file_table_and_key(text: str, expected: str, file: Path) -> None:
    told = refusal(file, text)
    assert re.fullmatch(expected, told), told


@pytest.mark.parametrize("key", ["renew_before", "refuse_before"])
@pytest.mark.parametrize(
    "value",
    [
        '""',
        '"90"',
        '"m"',
        '"3 m"',
        '" 3m"',
        '"3m\\n"',
        '"-3m"',
        '"1.5h"',
        '"3M"',
        '"3m1h"',
        '"1d"',
        '"٣m"',
        '"3ms"',
        '"999999h"',
        "90",
        "1.5",
        "true",
        "[]",
    ],
)
def test_what_is_no_duration(key: str, value: str, file: Path) -> None:
    told = refusal(file, f"version = 1\n{EKS}{key} = {value}\n")
    assert told == f'[profiles."aws-eks:prod"]: `{key}` is not a duration; write it as "90s", "3m" or "1h30m"'


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", ".a", "a/b", "a:b", "ä", "a\\n", "../a", "a\\u0000"])
def test_what_is_no_name_of_a_profile(name: str, file: Path) -> None:
    told = refusal(file, f'version = 1\n[profiles."aws-ecr:{name}"]\n')
    assert "the name is not `provider:name`; use letters, digits and . _ @ - after the colon" in told


def test_a_provider_alone_is_no_name_of_a_profile(file: Path) -> None:
    assert "the name is not `provider:name`" in refusal(file, "version = 1\n[profiles.aws-ecr]\n")


@pytest.mark.parametrize(
    ("client", "url", "expected"),
    [
        ("git", "github.com/acme", '`url` has no scheme; write url = "https://github.com/acme"'),
        ("kube", "10.0.0.1:6443", '`url` has no scheme; write url = "https://10.0.0.1:6443"'),
        ("git", "http://github.com", "`url` must be https://, not http://; http:// is for loopback only"),
        ("docker", "http://ghcr.io", "`url` must be https://, not http://; http:// is for loopback only"),
        ("git", "http://localhost.evil.com", "`url` must be https://, not http://; http:// is for loopback only"),
        ("git", "http://127.0.0.1.evil.com", "`url` must be https://, not http://; http:// is for loopback only"),
        ("git", "http://*", "`url` must be https://, not http://; http:// is for loopback only"),
        ("git", "ssh://github.com", "`url` must be https://, not ssh://; http:// is for loopback only"),
        ("docker", "ftp://localhost", "`url` must be https://, not ftp://; http:// is for loopback only"),
        *[
            (
                "git",
                url,
                "`url` is not a URL of scheme, host, port and path; `*` stands for one whole label of the host",
            )
            for url in (
                "https://git*.example.com",
                "https://*hub.com",
                "https://g*b.com",
                "https://**.com",
                "https://github.com:*",
                "https://github.com/*",
                "https://github.com/acme/*",
                "https://*@github.com",
                "https://[::*]",
            )
        ],
        *[
            ("git", url, "`url` is not a URL of scheme, host, port and path")
            for url in (
                "",
                "https://",
                "https:///acme",
                "https://me@github.com",
                "https://github.com?x",
                "https://github.com/a#b",
                "https://github.com/a/../b",
                "https://github.com/a//b",
                "https://github.com/a%2fb",
                "https://github.com:0",
                "https://github.com:65536",
                "https://git hub.com",
                "https://gïthub.com",
                "https://github..com",
                "https://.github.com",
                "1://github.com",
            )
        ],
    ],
)
def test_what_is_no_url_of_a_route(client: str, url: str, expected: str, file: Path) -> None:
    route = ROUTE.replace('"git"', f'"{client}"').replace("https://github.com", url)
    assert refusal(file, f"version = 1\n{APP}installation_id = 1\n{route}") == f"[[routes]] number 1: {expected}"


@pytest.mark.parametrize(
    ("url", "is_valid"),
    [
        ("https://ghe.example.com/api/v3", True),
        ("https://ghe.example.com/api/v3/", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost", True),
        ("http://ghe.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("ghe.example.com", False),
        ("ftp://localhost", False),
        ("https://me:x@ghe.example.com", False),
        ("https://ghe.example.com?x", False),
        ("", False),
    ],
)
def test_the_url_of_an_api(url: str, is_valid: bool, file: Path) -> None:
    text = f'version = 1\n{OWNED}api_url = "{url}"\n'
    if is_valid:
        read(file, text)
    else:
        told = '[profiles."github-app:acme"]: `api_url` is not an https:// URL; http:// is for loopback only'
        assert refusal(file, text) == told


# --- files that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff", " is not UTF-8"),
        ("version = 1 # ü".encode("latin-1"), " is not UTF-8"),
        ("version = 1".encode("utf-16"), " is not UTF-8"),
        (b"\xef\xbb\xbfversion = 1", " is not TOML (at line 1, column 1)"),
        (b"version 1", " is not TOML (at line 1, column 9)"),
        (b'version = 1\nsecret = "ghs_canary', " is not TOML (at end of document)"),
        (b"version = 1\nkey = ghs_canary\n", " is not TOML (at line 2, column 7)"),
        (b"version = " + b"1" * 5000, " is not TOML"),
        (b"version = " + b"[" * 100_000, " is not TOML"),
    ],
    ids=["no UTF-8", "Latin-1", "UTF-16", "BOM", "no equals", "no end", "no value", "too large", "too deep"],
)
def test_a_file_that_is_no_toml_says_where_and_quotes_nothing(content: bytes, expected: str, file: Path) -> None:
    assert refusal(file, content) == expected


def test_a_folder_in_its_place_cannot_be_read(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigurationError, match=re.escape(f"{file} cannot be read (IsADirectoryError)")):
        load(str(file))


def test_a_file_that_cannot_be_read_is_not_taken_for_none(file: Path) -> None:
    file.symlink_to(file)
    with pytest.raises(ConfigurationError, match=re.escape(f"{file} cannot be read (OSError)")):
        load(str(file))


@given(
    st.binary()
    | st.text().map(lambda text: f"version = 1\n{text}".encode())
    | st.lists(
        st.sampled_from(
            ["version = 1\n", EKS, APP, WHOLE, ROUTE, "owner = 'x'\n", "renew_before = '1m'\n", "x = [{}]\n"]
        )
    ).map(lambda parts: "".join(parts).encode())
)
def test_whatever_stands_in_it_is_settings_or_an_error_of_ours(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(content)
        file.flush()
        try:
            load(file.name)
        except ConfigurationError as error:
            assert str(error).startswith(file.name)  # noqa: PT017 - that it need not fail is the point


# --- which file -----------------------------------------------------------------------------------------------------


def test_the_file_is_the_one_named_or_in_the_folder_of_the_configuration() -> None:
    assert locate({"HOME": "/home/me"}) == "/home/me/.config/keywright/config.toml"
    assert locate({"HOME": "/home/me", "XDG_CONFIG_HOME": "/x"}) == "/x/keywright/config.toml"
    assert locate({"HOME": "/home/me", "KEYWRIGHT_HOME": "/kw"}) == "/kw/config.toml"
    assert locate({"HOME": "/home/me", "KEYWRIGHT_HOME": "/kw", "KEYWRIGHT_CONFIG": "/c.toml"}) == "/c.toml"


def test_without_a_home_platformdirs_knows(home: Path) -> None:
    assert locate({}) == f"{home}/.config/keywright/config.toml"


@pytest.mark.parametrize(
    "env", [{"KEYWRIGHT_CONFIG": "config.toml"}, {"KEYWRIGHT_HOME": "kw"}, {"KEYWRIGHT_CONFIG": "~/x"}]
)
def test_a_relative_file_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no absolute path: .*; set KEYWRIGHT_CONFIG or HOME to an absolute path"
    ):
        locate(env)


# --- seals ----------------------------------------------------------------------------------------------------------


class Memory:
    """Seals in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def recall(self, digest: str) -> dict[str, Any] | None:
        return self.kept.get(digest)

    def add(self, digest: str, document: Mapping[str, Any]) -> None:
        self.kept[digest] = dict(document)


def test_what_was_sealed_reads_the_same(file: Path, tmp_path: Path) -> None:
    file.write_text(EXAMPLE)
    seals = FileSeals(str(tmp_path / "cache"))
    first, second, unsealed = load(str(file), seals), load(str(file), seals), load(str(file))
    assert first == second == unsealed
    assert len(os.listdir(tmp_path / "cache/checked")) == 1


def test_what_is_wrong_is_never_sealed(file: Path) -> None:
    seals = Memory()
    file.write_text(f"version = 1\n{EKS}colour = 1\n")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="there is no key `colour`"):
            load(str(file), seals)
    assert not seals.kept


def test_a_seal_is_for_those_very_bytes_alone(file: Path) -> None:
    seals = Memory()
    for text in (EXAMPLE, EXAMPLE + "\n", EXAMPLE.replace("789", "790")):
        file.write_text(text)
        load(str(file), seals)
    assert len(seals.kept) == 3
    file.write_text(EXAMPLE + 'colour = "blue"\n')
    with pytest.raises(ConfigurationError, match="colour"):
        load(str(file), seals)


def static(url: str, routed: str, secret: str = "env://TOKEN") -> str:
    profile = f'[profiles."static:x"]\nurl = "{url}"\nsecret = "{secret}"\n'
    return f'version = 1\n{profile}[[routes]]\nclient = "git"\nurl = "{routed}"\nprofiles = ["static:x"]\n'


@pytest.mark.parametrize(
    ("url", "routed"),
    [
        ("https://git.example", "https://git.example"),
        ("https://git.example", "https://git.example/team"),
        ("https://git.example/team/app.git", "https://git.example/team/app.git"),
        ("https://git.example/team/app.git", "https://git.example/team/app"),
    ],
)
def test_a_static_secret_may_be_routed_to_its_own_place(url: str, routed: str, file: Path) -> None:
    file.write_text(static(url, routed))
    assert load(str(file)).routes[0].profiles == ("static:x",)


@pytest.mark.parametrize(
    ("url", "routed", "secret", "told"),
    [
        ("https://git.example/team", "https://git.example", "env://T", "is for https://git.example/team alone"),
        ("https://git.example", "https://git.example:8443", "env://T", "is for https://git.example alone"),
        ("https://git.example", "https://*.example", "env://T", "is for https://git.example alone"),
        ("http://git.example", "https://git.example", "env://T", "must be https://, not http://"),
        ("https://*.example", "https://git.example", "env://T", "`url` is not a URL"),
        ("https://git.example", "https://git.example", "hunter2", "does not say where the secret is"),
        ("https://git.example", "https://git.example", "env://A-B", "names no environment variable"),
        ("https://git.example", "https://git.example", "file://a", "names no absolute path"),
        ("https://git.example", "https://git.example", "vault://a/b", "names no secret of the vault"),
    ],
)
def test_a_static_secret_that_would_go_elsewhere_or_is_nowhere_is_refused(
    url: str, routed: str, secret: str, told: str, file: Path
) -> None:
    file.write_text(static(url, routed, secret))
    with pytest.raises(ConfigurationError) as raised:
        load(str(file))
    assert told in str(raised.value)
    assert "hunter2" not in str(raised.value)


def access_key(**changes: str) -> str:
    table = {"url": "https://auth.example/api/authorise", "key": "vault://KEY", "site": "https://git.example"} | changes
    routed = table.pop("routed", "https://git.example/team")
    lines = "".join(f'{name} = "{value}"\n' for name, value in table.items())
    route = f'[[routes]]\nclient = "git"\nurl = "{routed}"\nprofiles = ["access-key:x"]\n'
    return f'version = 1\n[profiles."access-key:x"]\nrenew_before = "2m"\n{lines}{route}'


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"audience": "https://api.example", "username": "ci"},
        {"url": "http://127.0.0.1:8080/t", "key": "env://KEY"},
        {"key": "file://~/access.key"},
        {"key": "file:///run/secrets/key"},
        {"site": "", "routed": "https://elsewhere.example"},
        {"site": "https://git.example/team"},
    ],
)
def test_an_access_key_may_be_where_a_static_secret_may(changes: dict[str, str], file: Path) -> None:
    profile = read(file, access_key(**changes)).profiles["access-key:x"]
    assert profile.only_for == changes.get("site", "https://git.example")
    assert profile.renew_before == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "http://auth.example/t"}, "`url` is not an https:// URL; http:// is for loopback only"),
        ({"url": "auth.example/t"}, "`url` is not an https:// URL"),
        ({"url": "https://auth.example/t?key=1"}, "`url` is not an https:// URL"),
        ({"url": "https://me:pw@auth.example/t"}, "`url` is not an https:// URL"),
        ({"key": "hunter2"}, "`key` does not say where the secret is"),
        ({"key": "env://A-B"}, "`key` names no environment variable"),
        ({"key": "file://a"}, "`key` names no absolute path"),
        ({"key": "vault://a/b"}, "`key` names no secret of the vault"),
        ({"key": ""}, "`key` is empty"),
        ({"site": "http://git.example"}, "`site` must be https://, not http://"),
        ({"site": "https://*.example"}, "`site` is not a URL"),
        ({"routed": "https://other.example"}, "profile `access-key:x` is for https://git.example alone; mend `url`"),
        ({"site": "https://git.example/a", "routed": "https://git.example"}, "is for https://git.example/a alone"),
        ({"secret": "env://A"}, "there is no key `secret`"),
    ],
)
def test_an_access_key_that_is_nowhere_or_whose_token_would_go_elsewhere_is_refused(
    changes: dict[str, str], told: str, file: Path
) -> None:
    refused = refusal(file, access_key(**changes))
    assert told in refused
    assert "hunter2" not in refused
