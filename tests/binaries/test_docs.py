"""Every command and every file that the pages show, followed from top to bottom in the home of somebody who reads them."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.demo.kubernetes import KubernetesServer
from pages.blocks import PAGES, ROOT, Block, Command, blocks, commands, matches, read
from pages.elsewhere import ELSEWHERE, Check, Elsewhere
from pages.network import Network, network
from pages.reader import BIN, Printed, Reader

FILES = ("toml", "ini", "json", "yaml")
RUN = ("sh", "console")
LANGUAGES = {*FILES, *RUN, "python", "text", ""}
HEADING = re.compile(r"(?m)^#+ (.*)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

FOLLOWED = [page for page in PAGES if any(block.language in RUN + FILES for block in blocks(page))]


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


def told(block: Block, command: Command, printed: Printed) -> str:
    """Return what is wrong with how the command went; empty if nothing is."""
    is_as_shown = command.shown is None or matches(command.shown, printed.lines)
    # A transcript that shows a failure's line may show a failure.
    is_done = printed.exit_code == 0 or bool(command.shown)
    if is_as_shown and is_done:
        return ""
    return f"{block.page}:{block.line}: {command.text}\n[{printed.exit_code}] " + "\n".join(printed.lines)


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


EVERY = [command for page in PAGES for block in blocks(page) for command in commands(block)]


def test_every_command_that_is_not_run_can_be_parsed() -> None:
    script = "\n".join(command.text for command in EVERY if not_run(command))
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_entry_of_the_table_is_used_and_names_a_test_that_is_there() -> None:
    used = {not_run(command) for command in EVERY}
    assert [entry.pattern for entry in ELSEWHERE if entry not in used] == []
    named = [entry.test for entry in ELSEWHERE if entry.check is Check.TEST]
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.slow
def test_the_options_of_what_is_not_run_are_there() -> None:
    asked: dict[tuple[str, ...], set[str]] = {}
    for command in EVERY:
        entry = not_run(command)
        if entry and entry.check is Check.HELP:
            words = shlex.split(command.bare)
            asked.setdefault(tuple(words[:3]), set()).update(w.partition("=")[0] for w in words if w.startswith("--"))
    for words, options in asked.items():
        done = subprocess.run([BIN / words[0], *words[1:], "--help"], capture_output=True, text=True, check=True)
        assert [option for option in options if option not in done.stdout] == [], words


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    for page in PAGES:
        for block in blocks(page):
            where = f"{page}:{block.line}"
            assert block.language in LANGUAGES, where
            if block.language in {"", "text"}:
                assert not re.search(r"(?m)^(\$ |keywright |git |docker |kubectl |aws )", block.text), where


def anchors(page: str) -> set[str]:
    """Return a page's anchors, as GitHub makes them."""
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(re.sub(r"(?ms)^```.*?^```$", "", read(page))))
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
    found, left = set(), ["README.md"]
    while left:
        page = left.pop()
        if page in found or page not in PAGES:
            continue
        found.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(read(page)))
        left += [os.path.normpath(os.path.join(os.path.dirname(page), target)) for target in targets if target]
    assert sorted(set(PAGES) - found) == []
