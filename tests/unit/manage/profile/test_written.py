"""Profiles of `config.toml`: added, replaced and removed, with everything else in the file as its owner wrote it."""

import os
from pathlib import Path
from threading import Thread

import pytest

from fakes.profile_script import CONFIG, Script
from fakes.terminal import Said
from keywright.errors import KeywrightError
from keywright.manage.profile import written
from keywright.profiles.identity import ProfileId
from keywright.settings.load import load, parse_toml
from keywright.settings.model import EksOptions, GithubAppOptions

EKS = ("--set", "cluster=c", "--set", "region=eu-central-1")


def profiles_in(path: Path) -> dict[str, dict[str, object]]:
    document = parse_toml(str(path), path.read_bytes())
    found: dict[str, dict[str, object]] = document.get("profiles", {})
    return found


class TestAdd:
    def test_makes_the_first_file_and_it_is_its_owners_alone(self, profile: Script, own: Path) -> None:
        said = profile("add", "aws-eks:new", *EKS)
        assert said == Said(0, "added aws-eks:new\n", "")
        path = own / "config.toml"
        assert path.read_text() == ('version = 1\n\n[profiles."aws-eks:new"]\ncluster = "c"\nregion = "eu-central-1"\n')
        assert path.stat().st_mode & 0o777 == 0o600
        assert load(str(path)).profiles["aws-eks:new"].options == EksOptions("c", "eu-central-1")

    @pytest.mark.parametrize(
        ("id_", "options", "table"),
        [
            (
                "github-app:b",
                ("app_id=2", "private_key=~/k.pem", "installation_id=8", "repositories=a,b", "permissions.issues=read"),
                {
                    "app_id": "2",
                    "private_key": "~/k.pem",
                    "installation_id": 8,
                    "repositories": ["a", "b"],
                    "permissions": {"issues": "read"},
                },
            ),
            (
                "static:b",
                ("url=https://b.example", "secret=env://B", "username=ci"),
                {"url": "https://b.example", "secret": "env://B", "username": "ci"},
            ),
            ("aws-ecr:b", (), {}),
            (
                "aws-codecommit:b",
                ("region=eu-central-1", "renew_before=3m"),
                {"region": "eu-central-1", "renew_before": "3m"},
            ),
            (
                "aws-eks:b",
                ("cluster=c", "region=eu-central-1", "url_expires_s=90", "role_arn=a=b"),
                {"cluster": "c", "region": "eu-central-1", "url_expires_s": 90, "role_arn": "a=b"},
            ),
        ],
    )
    def test_of_every_provider_leaves_the_rest_as_it_was(
        self, profile: Script, config: Path, id_: str, options: tuple[str, ...], table: dict[str, object]
    ) -> None:
        before = profiles_in(config)
        args = [word for option in options for word in ("--set", option)]
        said = profile("add", id_, *args, "--priority", "2", "--fallback", "aws-eks:prod")
        assert said == Said(0, f"added {id_}\n", "")
        assert profiles_in(config) == before | {id_: table | {"priority": 2, "fallback": ["aws-eks:prod"]}}
        text = config.read_text()
        assert [line for line in CONFIG.splitlines() if line and line not in text.splitlines()] == []

    def test_by_force_replaces_it_and_forgets_what_was_known_of_it(self, profile: Script, config: Path) -> None:
        profile("disable", "aws-eks:prod")
        assert profile("add", "aws-eks:prod", *EKS).code == 2
        assert config.read_text() == CONFIG
        assert profile("add", "aws-eks:prod", *EKS, "--force").code == 0
        assert profiles_in(config)["aws-eks:prod"] == {"cluster": "c", "region": "eu-central-1"}
        assert "✓ prod (minted)" in profile("list", "--provider", "aws-eks").stdout

    def test_disabled_is_never_served(self, profile: Script, config: Path) -> None:
        profile("add", "aws-eks:new", *EKS, "--disabled")
        assert "⊘ new (minted)" in profile("list").stdout

    @pytest.mark.parametrize(
        ("args", "code", "told"),
        [
            (("aws-eks:new",), 2, "`cluster` is missing"),
            (("aws-eks:new", *EKS, "--set", "clutser=x"), 2, "there is no key `clutser`; did you mean `cluster`?"),
            (("aws-eks:new", *EKS, "--set", "url_expires_s=soon"), 2, "`url_expires_s`: expected `int`, got `str`"),
            (("aws-eks:new", *EKS, "--set", "region"), 2, "`--set` wants key=value"),
            (("aws-eks:new", *EKS, "--set", "=x"), 2, "`--set` wants key=value"),
            (("aws-eks:new", *EKS, "--fallback", "aws-eks:nobody"), 2, "there is no profile `aws-eks:nobody`"),
            (("aws-eks:new", *EKS, "--host", "a.example"), 2, "is said with `--set key=value`"),
            (("aws-eks:new", *EKS, "--mode", "token"), 2, "provider aws-eks does not support mode: token"),
            (("aws-session:new",), 1, "unknown provider: aws-session"),
            (("static:new", "--set", "url=https://a.example", "--set", "secret=hunter2"), 2, "does not belong here"),
        ],
    )
    def test_of_what_no_call_would_accept_changes_nothing(
        self, profile: Script, config: Path, args: tuple[str, ...], code: int, told: str
    ) -> None:
        said = profile("add", *args)
        assert (said.code, said.stdout) == (code, "")
        assert told in said.stderr
        assert said.stderr.count("\n") == 1
        assert config.read_text() == CONFIG

    def test_into_a_file_that_is_wrong_already_changes_nothing(self, profile: Script, config: Path) -> None:
        for text in ("version = 2\n", "version = 1\n[profiles]\nx = 1\n", "version = \n", "", "\xff"):
            config.write_text(text, encoding="latin-1")
            said = profile("add", "aws-eks:new", *EKS)
            assert (said.code, said.stdout) == (2, "")
            assert str(config) in said.stderr
            assert config.read_text(encoding="latin-1") == text

    def test_follows_a_link_and_keeps_the_mode(self, profile: Script, config: Path, home: Path) -> None:
        real = home / "dotfiles.toml"
        config.rename(real)
        real.chmod(0o640)
        config.symlink_to(real)
        assert profile("add", "aws-eks:new", *EKS).code == 0
        assert config.is_symlink()
        assert "aws-eks:new" in profiles_in(real)
        assert real.stat().st_mode & 0o777 == 0o640
        assert sorted(path.name for path in home.glob("dotfiles*")) == ["dotfiles.toml", "dotfiles.toml.lock"]

    def test_leaves_a_file_alone_that_its_owner_made_read_only(self, profile: Script, config: Path) -> None:
        config.chmod(0o400)
        said = profile("add", "aws-eks:new", *EKS)
        assert (said.code, said.stdout) == (1, "")
        assert "cannot be written" in said.stderr
        assert config.read_text() == CONFIG


@pytest.mark.parametrize(
    "text",
    [
        'version = 1\n[profiles."aws-ecr:a"]\n',
        (
            'version = 1\n[profiles]\n[profiles."aws-ecr:a"] # mine\n'
            '[[routes]]\nclient="docker"\nurl="a.example"\nprofiles=["aws-ecr:a"]\n'
        ),
        'version = 1\nprofiles = { "aws-ecr:a" = { aws_profile = "x" } }\n',
        'version = 1\nprofiles."aws-ecr:a".aws_profile = "x"\n',
        'version = 1\n[profiles]\n"aws-ecr:a" = { }\n# the end',
        'version = 1\r\n[profiles."aws-ecr:a"]\r\n\r\n# windows\r\n',
        (
            'version = 1\n[profiles."aws-ecr:a"]\n[cooldown]\nrate_limit_seconds = 5\n'
            '[profiles."aws-ecr:z"]\n[cooldown.by_provider.openai]\nrate_limit_seconds = 7\n'
        ),
    ],
)
def test_however_the_file_is_written_it_is_edited_or_left_as_it_is(profile: Script, own: Path, text: str) -> None:
    path = own / "config.toml"
    path.write_bytes(text.encode())
    before = profiles_in(path)
    said = profile("add", "aws-eks:new", *EKS)
    if said.code == 0:
        assert profiles_in(path) == before | {"aws-eks:new": {"cluster": "c", "region": "eu-central-1"}}
        assert profile("remove", "aws-eks:new").code == 0
        assert profiles_in(path) == before
        comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
        assert [comment for comment in comments if comment not in path.read_text()] == []
    else:
        assert "edit it by hand" in said.stderr
        assert path.read_bytes() == text.encode()


class TestRemove:
    def test_takes_out_the_table_and_nothing_else(self, profile: Script, config: Path) -> None:
        before = profiles_in(config)
        assert profile("remove", "aws-eks:prod") == Said(0, "removed aws-eks:prod\n", "")
        del before["aws-eks:prod"]
        assert profiles_in(config) == before
        assert "# my settings" in config.read_text()
        assert profile("remove", "aws-eks:prod").code == 1

    @pytest.mark.parametrize(
        ("id_", "told"),
        [
            ("static:forge", "route number 1, for https://git.example, names static:forge"),
            ("aws-ecr:spare", 'the `fallback` of [profiles."github-app:acme"] names aws-ecr:spare'),
        ],
    )
    def test_is_refused_while_something_names_it(self, profile: Script, config: Path, id_: str, told: str) -> None:
        assert profile("remove", id_) == Said(2, "", f"keywright: {told}; mend that in {config} first [usage]\n")
        assert config.read_text() == CONFIG


def test_what_many_write_at_once_is_all_there(own: Path) -> None:
    failed: list[KeywrightError] = []

    def add(number: int) -> None:
        try:
            written.put(ProfileId("aws-ecr", f"n{number}"), {}, os.environ, is_forced=False)
        except KeywrightError as error:
            failed.append(error)

    threads = [Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(profiles_in(own / "config.toml")) == sorted(f"aws-ecr:n{number}" for number in range(12))


def test_an_options_type_is_that_of_its_provider() -> None:
    table = written.parse_options("github-app", ["app_id=1", "installation_id=-7", "repositories=a"])
    assert table == {"app_id": "1", "installation_id": -7, "repositories": ["a"]}
    assert set(table) <= set(GithubAppOptions._fields)
