"""Every command and file that the pages show, followed from top to bottom in the home of somebody who reads them."""

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from keywright import __version__
from keywright.manage.cli import keywright
from keywright.profiles.catalog import OAuthEndpoint, ProviderMetadata
from page_facts import VARIABLES
from pages.blocks import PAGES, ROOT, Block, Command, blocks, commands, matches, read
from pages.elsewhere import ANOTHERS, ELSEWHERE, Check, Elsewhere
from pages.network import Network, network
from pages.reader import BIN, Printed, Reader
from unit.test_floors import FLOORS

FILES = ("toml", "ini", "json", "yaml")
RUN = ("sh", "console")
LANGUAGES = {*FILES, *RUN, "python", "text", ""}
HEADING = re.compile(r"(?m)^#+ (.*)$")
FAILURE = re.compile(r" \[[a-z_]+\]$|^credentials not found in native keychain$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

MINE = [page for page in PAGES if page not in ANOTHERS]
FOLLOWED = [page for page in MINE if any(block.language in RUN + FILES for block in blocks(page))]


@pytest.fixture(scope="session")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The issuers and servers that the pages speak of, shared by all of them."""
    with network(tmp_path_factory.mktemp("around")) as found:
        yield found


@pytest.fixture
def reader(home: Path, around: Network) -> Reader:
    """Somebody at the top of a page."""
    return Reader(home, around)


def not_run(command: Command) -> Elsewhere | None:
    return next((entry for entry in ELSEWHERE if re.fullmatch(entry.pattern, command.bare)), None)


def shows_failure(command: Command) -> bool:
    """Return whether the last line that is shown is a failure's: ours, or docker's own for "none here"."""
    *_, last = command.shown or ("",)
    return FAILURE.search(last) is not None


def told(block: Block, command: Command, printed: Printed) -> str:
    """Return what is wrong with how the command went; empty if nothing is."""
    is_as_shown = command.shown is None or matches(command.shown, printed.lines)
    is_done = printed.exit_code == 0 or shows_failure(command)
    if is_as_shown and is_done:
        return ""
    return f"{block.page}:{block.line}: {command.text}\n[{printed.exit_code}] " + "\n".join(printed.lines)


@pytest.mark.parametrize(
    ("shown", "printed", "is_so"),
    [
        (("a", "b"), ["a", "b"], True),
        (("a",), ["a", "b"], False),
        (("a", "b"), ["a"], False),
        ((), [], True),
        ((), ["a"], False),
        (("ghs_…",), ["ghs_1"], True),
        (("ghs_…",), ["gho_1"], False),
        (("a…",), ["a", "b"], False),
        (("a", "…", "d"), ["a", "b", "c", "d"], True),
        (("a", "…", "d"), ["a", "b", "c"], False),
        (("NAME  STATE",), ["NAME        STATE  "], True),
        (("a.c",), ["abc"], False),
    ],
)
def test_what_is_shown_is_what_was_printed(shown: tuple[str, ...], printed: list[str], *, is_so: bool) -> None:
    assert matches(shown, printed) is is_so


def test_a_transcript_is_taken_apart() -> None:
    text = "$ one \\\n    --two  # why\nprinted\n\n$ three\n"
    first, second = commands(Block("page", 1, "console", text))
    assert (first.bare, first.shown) == ("one --two", ("printed", ""))
    assert (second.text, second.shown) == ("three", ())


def test_what_goes_otherwise_is_told(reader: Reader) -> None:
    text = "$ echo one\ntwo\n$ false\n$ export A=b\n$ echo $A\nb\n$ false\n…\n$ ! echo no [refused]\nno [refused]\n"
    block = Block("page", 7, "console", text)
    wrong = [told(block, command, printed) for command, printed in reader.run(commands(block))]
    assert wrong == ["page:7: echo one\n[0] one", "page:7: false\n[1] ", "", "", "page:7: false\n[1] ", ""]


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page: str, reader: Reader) -> None:
    wrong = []
    for block in blocks(page):
        if block.language in FILES:
            reader.put(block)
        mine = [command for command in commands(block) if not not_run(command)]
        if mine:
            wrong += [told(block, command, printed) for command, printed in reader.run(mine)]
    assert not any(wrong), "\n\n".join(filter(None, wrong))


def test_the_tarball_is_unpacked_as_shown(reader: Reader, tmp_path: Path) -> None:
    """Over an older one too, of which nothing is left."""
    (block,) = (block for block in blocks("docs/install.md") if "\ntar " in block.text)
    (name,) = re.findall(r"keywright-[0-9.]+-linux-x86_64(?=\.tar\.gz)", block.text)
    top = tmp_path / name  # the tarball's one folder is called as the tarball is
    (top / "_internal").mkdir(parents=True)
    for program in ("keywright", "keywright-python"):
        (top / program).write_text(f'#!/bin/sh\necho "{program} as ${{0##*/}}"\n')
        (top / program).chmod(0o755)
    names = [f"{client}-credential-keywright" for client in ("docker", "git", "kube")]
    for link in names:
        (top / link).symlink_to("keywright")
    subprocess.run(["tar", "-czf", reader.home / f"{name}.tar.gz", "-C", tmp_path, name], check=True)
    for _ in range(2):
        assert {told(block, command, printed) for command, printed in reader.run(commands(block))} == {""}
        bin_ = reader.home / ".local/bin"
        assert sorted(path.name for path in bin_.iterdir()) == sorted([*names, "keywright"])
        for path in bin_.iterdir():
            done = subprocess.run([path], capture_output=True, text=True, check=True)
            assert done.stdout == f"keywright as {path.name}\n"
        leftover = reader.home / ".local/lib/keywright/_internal/older"
        assert not leftover.exists()
        leftover.touch()


EVERY = [command for page in MINE for block in blocks(page) for command in commands(block)]


def test_every_command_that_is_not_run_can_be_parsed() -> None:
    script = "\n".join(command.text for command in EVERY if not_run(command))
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_entry_of_the_table_is_used_and_names_a_test_that_is_there() -> None:
    used = {not_run(command) for command in EVERY}
    assert [entry.pattern for entry in ELSEWHERE if entry not in used] == []
    named = [*ANOTHERS.values(), *(entry.test for entry in ELSEWHERE if entry.check is Check.TEST)]
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.slow
def test_the_options_of_what_is_not_run_are_there() -> None:
    asked: dict[tuple[str, ...], set[str]] = {}
    for command in EVERY:
        entry = not_run(command)
        if entry and entry.check is Check.HELP:
            words = shlex.split(command.bare)
            asked.setdefault(tuple(words[:3]), set()).update(w.partition("=")[0] for w in words if w.startswith("--"))
    for command_words, options in asked.items():
        done = subprocess.run(
            [BIN / command_words[0], *command_words[1:], "--help"], capture_output=True, text=True, check=True
        )
        known = set(re.findall(r"(?<![\w-])--[\w-]+", done.stdout))
        assert options - known == set(), command_words


def _walk(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if (command.help or "").startswith("Same as `"):
            continue
        yield " ".join((*above, name)), command
        if isinstance(command, click.Group):
            yield from _walk(command, *above, name)


def test_every_command_and_option_is_on_a_page() -> None:
    """A reader who looks for one finds it; that those which are shown are there is known by running them."""
    text = "\n".join(map(read, PAGES))
    spelled = set(re.findall(r"(?<![\w-])--?[\w-]+", text))
    words = set(re.findall(r"[\w-]+", text))
    for path, command in _walk(keywright):
        assert set(path.split()) <= words, path
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert spelled & {*param.opts, *param.secondary_opts}, (path, param.opts)


def test_every_key_of_a_providers_file_is_told() -> None:
    told = read("docs/accounts.md").partition("| `modes` | how one can")[2].partition("\n\n")[0]
    keys = {*ProviderMetadata._fields, *OAuthEndpoint._fields, "header"} - {"modes"}
    assert {key for key in keys if f"`{key}`" not in told and f"`[{key}]`" not in told} == set()


def _variables(source: str) -> Iterator[str]:
    """Yield the variables that are looked up by name in an environment."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Call(func=ast.Attribute(attr="get", value=where), args=[ast.Constant(value=str(name)), *_])
                | ast.Subscript(value=where, slice=ast.Constant(value=str(name)))
                | ast.Compare(left=ast.Constant(value=str(name)), comparators=[where])
            ) if ast.unparse(where).rpartition(".")[2] in {"env", "environ"}:
                yield name


def test_every_variable_that_is_read_is_on_its_page_and_every_one_there_is_read() -> None:
    named = {name for variable in VARIABLES for name in variable.names}
    paths = [path for path in sorted((ROOT / "helpers/keywright").rglob("*.py")) if "demo" not in path.parts]
    looked_up = {name for path in paths for name in _variables(path.read_text(encoding="utf-8"))}
    assert len(looked_up) > 10
    assert {name for name in looked_up if not re.match("AWS_|LD_LIBRARY_PATH", name)} - named == set()
    assert {name for name in named if name not in SOURCE and not re.fullmatch(r"XDG_[A-Z]+_HOME|.*\*", name)} == set()


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    for page in MINE:
        for block in blocks(page):
            where = f"{page}:{block.line}"
            assert block.language in LANGUAGES, where
            if block.language in {"", "text"}:
                assert not re.search(r"(?m)^(\$ |keywright |git |docker |kubectl |aws )", block.text), where


PROGRAMS = {"README.md", "docs/library.md", "docs/adapters.md"}


def test_programs_stand_where_they_are_run() -> None:
    """Those of other pages would not be (`test_program_pages.py`)."""
    assert {page for page in PAGES for block in blocks(page) if block.language == "python"} <= PROGRAMS


PATH = re.compile(r"`([\w./-]+\.(?:py|c|toml|sh))(?:::(\w+))?`")
SOURCES = (ROOT, ROOT / "helpers", ROOT / "helpers/keywright")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_ours_that_is_named_is_there(page: str) -> None:
    """And so is each test that a claim is shown by."""
    for name, test in PATH.findall(read(page)):
        found = [root / name for root in SOURCES if (root / name).is_file()]
        theirs = name in THEIRS or name.startswith("providers.d/") or "NAME" in name
        assert found or theirs, f"{page}: {name}"
        assert not test or f"def {test}(" in found[0].read_text(encoding="utf-8"), f"{page}: {name}::{test}"


THEIRS = {"config.toml"}
"""Files of the reader's."""


def test_every_defence_names_a_test() -> None:
    defended = read("docs/threat-model.md").partition("## What is defended")[2].partition("## The installed")[0]
    rows = [row for row in defended.splitlines() if row.startswith("|") and "---" not in row]
    bare = [row for row in rows if "::test_" not in row and "| shown by |" not in row and "none here" not in row]
    assert bare == []


def test_the_floors_are_those_that_the_imports_are_held_to() -> None:
    """Each room stands on its line, the top one first."""
    (drawn,) = re.findall(r"(?ms)^```text\n( bin\n.*?)^```$", read("docs/architecture.md"))
    lines = [set(re.findall(r"\w+", line)) for line in drawn.splitlines()]
    assert lines == [rooms - {"__init__", "_build", "gateway"} for rooms in reversed(FLOORS)]


def test_packages_are_named_with_this_version() -> None:
    names = [name for page in PAGES for name in re.findall(r"keywright[-_]([0-9]+(?:\.[0-9]+)+)", read(page))]
    assert set(names) == {__version__}


RECORD = ("Context", "Decision", "Consequences", "When to ask again")


def test_each_decision_is_a_record_and_in_the_index() -> None:
    records = sorted(page for page in PAGES if re.fullmatch(r"docs/decisions/[0-9]{4}-[a-z0-9-]+\.md", page))
    index = read("docs/decisions/README.md")
    for number, page in enumerate(records, 1):
        title, *headings = HEADING.findall(read(page))
        assert headings == list(RECORD), page
        bare = title.removeprefix(f"{number}. ")
        assert f"| {number} | [{bare}]({os.path.basename(page)}) |" in index, page


SOURCE = " ".join(
    re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "helpers/keywright").rglob("*.py"))
)
FOREIGN = re.compile(
    r"You must be logged in to the server( \(Unauthorized\))?|executable kube-credential-keywright not found|fork/exec"
    r"|no such file or directory|interactiveMode must be specified|plugin returned version|plugin path \"|/v1beta1"
    r"|\" is not permitted by the credential plugin allowlist|could not read Username|Authentication failed"
    r"|Repository not found|executable file not found in \$PATH|no basic auth credentials|unauthorized|403 Forbidden"
    r"|The requested URL returned error: 403"
    r"|AWS answered \w+ with \w+|asked 3 times; asking again in 8 s|state/profiles/|is no token endpoint \(status 404\)"
)
"""What other programs say, and lines of ours with values in them."""


def test_every_symptom_is_a_line_that_somebody_prints() -> None:
    """A table of symptoms is looked through for what stands on the screen: it has to be the very words."""
    for page in PAGES:
        for table in re.findall(r"(?ms)^\| symptom \|.*?(?=\n\n|\Z)", read(page)):
            for row in table.splitlines()[2:]:
                quoted = re.findall(r"`([^`]+)`", row.split(" | ")[0])
                parts = [part.strip(" :") for told in quoted for part in re.sub(r" ?\[\w+\]", "", told).split("…")]
                unknown = [p for p in parts if len(p) > 5 and p not in SOURCE and not FOREIGN.fullmatch(p)]
                assert unknown == [], f"{page}: {row}"


@pytest.mark.parametrize("page", PAGES)
def test_every_table_is_one(page: str) -> None:
    """Rows that no line of dashes goes before are shown as they stand, and a row of fewer cells loses some."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", read(page))
    for table in re.findall(r"(?m)(?:^\|.*\n)+", prose):
        rows = table.splitlines()
        assert re.fullmatch(r"[|:\- ]+", rows[1 if len(rows) > 1 else 0]), f"{page}: {rows[0]}"
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(cells) == 1, f"{page}: {rows[0]}"


def anchors(page: str) -> set[str]:
    """Return a page's anchors, as GitHub makes them."""
    bare = (
        re.sub(r"[^\w\- ]", "", heading.lower())
        for heading in HEADING.findall(re.sub(r"(?ms)^```.*?^```$", "", read(page)))
    )
    return {heading.replace(" ", "-") for heading in bare}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in LINK.findall(read(page)):
        path, _, anchor = target.partition("#")
        if target.startswith("https://"):
            continue
        assert not target.startswith("http:"), target
        where = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert (ROOT / where).exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(where), f"{page}: {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    found: set[str] = set()
    left = ["README.md"]
    while left:
        page = left.pop()
        if page in found or page not in PAGES:
            continue
        found.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(read(page)))
        left += [os.path.normpath(os.path.join(os.path.dirname(page), target)) for target in targets if target]
    assert sorted(set(PAGES) - found) == []
