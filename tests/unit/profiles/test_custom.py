"""Providers of one's own: kept in files, whole or not at all, and never in another one's place."""

import os
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread

import pytest

from keywright.errors import ConfigurationError, KeywrightError, Unavailable, UsageError
from keywright.hit import stamp
from keywright.profiles.built_in import AI, BUILT_IN, TOKENS
from keywright.profiles.catalog import LiveTest, OAuthEndpoint, ProviderMetadata
from keywright.profiles.custom import FILE_LIMIT, add_file, load_catalog, locate, register
from keywright.profiles.mode import Mode

LEAST = 'modes = ["api_key"]\n'
ACME = ProviderMetadata(
    name="Acme",
    label='"Acme" \\ ü 😀',
    modes=(Mode.OAUTH, Mode.TOKEN),
    oauth_endpoint=OAuthEndpoint(token_url="https://a.example/token", scopes=("a", "b")),
    parent_provider="openai",
    hosts=("a.example", "localhost:8080"),
    headers=("x-key: {secret}", "x-other: {}"),
    validate=LiveTest("GET", "https://a.example/me"),
    cooldown_bypass=True,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "config/providers.d"


def write(folder: Path, name: str, text: str = LEAST) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def refusal(kind: type[KeywrightError], folder: Path, given: ProviderMetadata | Path) -> str:
    with pytest.raises(kind) as raised:
        add_file(str(folder), str(given)) if isinstance(given, Path) else register(str(folder), given)
    return str(raised.value)


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"KEYWRIGHT_HOME": "/kw"}, "/kw/providers.d"),
        ({"KEYWRIGHT_HOME": "/kw", "KEYWRIGHT_CONFIG": "/etc/other.toml"}, "/etc/providers.d"),
        ({"XDG_CONFIG_HOME": "/x"}, "/x/keywright/providers.d"),
    ],
)
def test_they_lie_beside_the_settings(env: dict[str, str], folder: str) -> None:
    assert locate(env) == folder


class TestLoading:
    @pytest.mark.parametrize("is_there", [False, True])
    def test_no_file_leaves_the_built_in_ones(self, folder: Path, is_there: bool) -> None:
        if is_there:
            folder.mkdir(parents=True)
        catalog = load_catalog(str(folder))
        assert catalog.providers == BUILT_IN.providers
        assert catalog.stamps == {str(folder): stamp(str(folder))}

    def test_no_file_costs_no_parser(self, folder: Path) -> None:
        code = (
            "import sys; from keywright.profiles.custom import load_catalog; load_catalog(sys.argv[1]);"
            "print(*{'msgspec', 'tomllib', 'difflib', 'dataclasses'} & set(sys.modules))"
        )
        run = subprocess.run([sys.executable, "-I", "-c", code, folder], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")

    def test_files_are_added_sorted_in_and_stamped(self, folder: Path) -> None:
        paths = [write(folder, "zebra.toml"), write(folder, "acme.toml", LEAST + 'parent_provider = "zebra"')]
        catalog = load_catalog(str(folder))
        assert catalog.names() == tuple(sorted((*BUILT_IN.names(), "acme", "zebra")))
        assert catalog.stamps == {str(path): stamp(str(path)) for path in (folder, *paths)}

    def test_stamps_tell_of_a_new_a_changed_and_a_removed_file(self, folder: Path) -> None:
        path = write(folder, "acme.toml")
        seen = [load_catalog(str(folder)).stamps]
        write(folder, "other.toml")
        seen.append(load_catalog(str(folder)).stamps)
        path.write_text(LEAST + 'label = "Changed"')
        seen.append(load_catalog(str(folder)).stamps)
        path.unlink()
        seen.append(load_catalog(str(folder)).stamps)
        assert all(one != other for one, other in pairwise(seen))

    @pytest.mark.parametrize("name", [".acme.toml", ".#acme.toml", "acme.toml~", "README", "acme.TOML", ".toml"])
    def test_what_is_no_providers_file_is_left_alone(self, folder: Path, name: str) -> None:
        write(folder, name, "not TOML")
        assert load_catalog(str(folder)).providers == BUILT_IN.providers

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("openai.toml", LEAST, "provider openai already exists; give the file, and `name` in it, another name"),
            ("static.toml", LEAST, "provider static already exists"),
            ("aws-session.toml", LEAST, "provider aws-session already exists"),
            ("Acme.toml", LEAST, "`name` disagrees with the file's name; rename it to acme.toml, or mend `name`"),
            ("acme.toml", LEAST + 'name = "acne"', "`name` disagrees with the file's name; rename it to acne.toml"),
            ("acme.toml", LEAST + 'parent_provider = "nobody"', "`parent_provider` is `nobody`, which is no other"),
            ("acme.toml", LEAST + 'parent_provider = "acme"', "`parent_provider` is `acme`, which is no other"),
            ("acme.toml", LEAST + 'lable = "x"', "there is no key `lable`; did you mean `label`?"),
            ("a b.toml", LEAST, "the name is not a provider's"),
        ],
    )
    def test_a_wrong_file_is_told_by_name(self, folder: Path, name: str, text: str, told: str) -> None:
        path = write(folder, name, text)
        with pytest.raises(ConfigurationError) as raised:
            load_catalog(str(folder))
        assert str(raised.value).startswith(f"{path}: {told}")

    def test_what_cannot_be_read_is_told_and_nothing_waits_for_it(self, folder: Path) -> None:
        path = folder / "acme.toml"
        folder.mkdir(parents=True)
        os.mkfifo(path)
        with pytest.raises(ConfigurationError, match="is not a plain file"):
            load_catalog(str(folder))
        path.unlink()
        path.mkdir()
        with pytest.raises(ConfigurationError, match="is not a plain file"):
            load_catalog(str(folder))
        path.rmdir()
        path.symlink_to("nowhere")
        with pytest.raises(ConfigurationError, match=r"cannot be read \(ENOENT\)"):
            load_catalog(str(folder))
        path.unlink()
        path.write_bytes(b"#" * (FILE_LIMIT + 1))
        with pytest.raises(ConfigurationError, match="is longer than 65536 bytes"):
            load_catalog(str(folder))

    def test_a_file_in_the_folders_place_is_told(self, folder: Path) -> None:
        folder.parent.mkdir()
        folder.touch()
        with pytest.raises(ConfigurationError, match=r"cannot be read \(ENOTDIR\); make it a folder of yours"):
            load_catalog(str(folder))


class TestRegistering:
    def test_lasts_and_comes_back_as_it_was(self, folder: Path) -> None:
        path = register(str(folder), ACME)
        assert path == f"{folder}/acme.toml"
        assert load_catalog(str(folder)).get("ACME") == ACME._replace(name="acme")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert os.listdir(folder) == ["acme.toml"]

    @pytest.mark.parametrize("provider", [*AI, *TOKENS], ids=lambda provider: provider.name)
    def test_takes_anything_that_the_built_in_ones_say(self, folder: Path, provider: ProviderMetadata) -> None:
        register(str(folder), provider._replace(name="acme"))
        assert load_catalog(str(folder)).get("acme") == provider._replace(name="acme")

    def test_of_openrouter_bypasses_cooldowns(self, folder: Path) -> None:
        register(str(folder), ProviderMetadata("OpenRouter", "OpenRouter", modes=(Mode.API_KEY,)))
        assert load_catalog(str(folder)).bypasses_cooldown("openrouter")

    def test_twice_fails_and_the_first_stays(self, folder: Path) -> None:
        register(str(folder), ACME)
        told = refusal(UsageError, folder, ACME._replace(name="acme", label="second"))
        assert told == "provider acme already exists"
        assert load_catalog(str(folder)).get("acme").label == ACME.label
        assert os.listdir(folder) == ["acme.toml"]

    @pytest.mark.parametrize(
        ("changes", "kind", "told"),
        [
            ({"name": ""}, UsageError, "provider name is required"),
            ({"name": "OpenAI"}, UsageError, "provider openai already exists"),
            ({"name": "github-app"}, UsageError, "provider github-app already exists"),
            ({"name": "aws-session"}, UsageError, "provider aws-session already exists"),
            ({"name": "../acme"}, ConfigurationError, "the name is not a provider's"),
            ({"modes": ()}, ConfigurationError, "`modes` is missing"),
            ({"modes": (Mode.MINTED,)}, ConfigurationError, "`modes` holds `minted`"),
            ({"hosts": ("b.example",)}, ConfigurationError, "`validate` asks a host that is not in `hosts`"),
            ({"label": "a\x7fb"}, ConfigurationError, "`label` holds characters that cannot be shown"),
            ({"label": "a\x1bb\n"}, ConfigurationError, "`label` holds characters that cannot be shown"),
            ({"label": "\ud800"}, ConfigurationError, "is not UTF-8"),
            ({"headers": ("x: {secret}\r\ny: z",)}, ConfigurationError, "`headers` holds what is no HTTP header"),
            ({"parent_provider": "nobody"}, ConfigurationError, "`parent_provider` is `nobody`"),
        ],
    )
    def test_what_is_wrong_is_told_and_nothing_is_written(
        self, folder: Path, changes: dict[str, object], kind: type[KeywrightError], told: str
    ) -> None:
        assert told in refusal(kind, folder, ACME._replace(**changes))  # type: ignore[arg-type]
        assert not folder.exists()

    def test_at_once_has_one_winner(self, folder: Path) -> None:
        ready, outcomes = Barrier(8), list[str]()

        def race(number: int) -> None:
            ready.wait()
            try:
                outcomes.append(register(str(folder), ACME._replace(label=f"number {number}")))
            except UsageError as error:
                outcomes.append(str(error))

        threads = [Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [f"{folder}/acme.toml", *["provider acme already exists"] * 7]
        assert load_catalog(str(folder)).get("acme").label.startswith("number ")
        assert os.listdir(folder) == ["acme.toml"]

    @pytest.mark.parametrize("link", ["config", "config/providers.d"])
    def test_where_nothing_can_be_written_is_told(self, folder: Path, tmp_path: Path, link: str) -> None:
        if link != "config":
            folder.parent.mkdir()
        (tmp_path / link).symlink_to("nowhere/at/all")
        told = refusal(Unavailable, folder, ACME)
        assert told.startswith(f"{folder} cannot be written (E")
        assert told.endswith("make it writable, or put the file there yourself")

    def test_leaves_nothing_behind_where_it_fails_midway(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        assert "cannot be written (ENOSPC)" in refusal(Unavailable, folder, ACME)
        assert os.listdir(folder) == []


class TestAddingAFile:
    def test_copies_it_as_it_is(self, folder: Path, tmp_path: Path) -> None:
        given = write(tmp_path, "acme.toml", f"# mine\n{LEAST}")
        assert add_file(str(folder), str(given)) == f"{folder}/acme.toml"
        assert (folder / "acme.toml").read_text() == f"# mine\n{LEAST}"
        assert "acme" in load_catalog(str(folder)).names()

    def test_goes_by_the_name_it_says(self, folder: Path, tmp_path: Path) -> None:
        given = write(tmp_path, "download (1).toml", LEAST + 'name = "Acme"')
        assert add_file(str(folder), str(given)) == f"{folder}/acme.toml"
        assert load_catalog(str(folder)).knows("acme")

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("acme.toml", "modes = [", "is not TOML"),
            ("acme.toml", "", "`modes` is missing"),
            ("acme.txt", LEAST, "the name is not a provider's"),
            (".toml", LEAST, "provider name is required"),
            ("openai.toml", LEAST, "provider openai already exists"),
            ("acme.toml", LEAST + 'name = "openai"', "provider openai already exists"),
        ],
    )
    def test_a_wrong_one_is_told_and_not_kept(
        self, folder: Path, tmp_path: Path, name: str, text: str, told: str
    ) -> None:
        assert told in refusal(KeywrightError, folder, write(tmp_path, name, text))
        assert not folder.exists()

    def test_one_that_is_not_there_is_told(self, folder: Path) -> None:
        assert "cannot be read (ENOENT)" in refusal(ConfigurationError, folder, Path("/nowhere/acme.toml"))

    def test_beside_a_wrong_one_is_not_kept_until_that_is_mended(self, folder: Path, tmp_path: Path) -> None:
        write(folder, "wrong.toml", "x = 1")
        assert "wrong.toml: there is no key `x`" in refusal(ConfigurationError, folder, write(tmp_path, "acme.toml"))
        assert os.listdir(folder) == ["wrong.toml"]
