"""The reference pages say what is: each code, each variable that is read, each shell."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import keywright
from keywright.errors import ERRORS
from keywright.hit import VARIABLES as OF_THE_HIT_PATH
from keywright.manage.completion.shells import SHELLS
from keywright.profiles.built_in import BUILT_IN
from page_facts import FILES, NAMED, VARIABLES, exit_codes, meaning_of

PACKAGE: Final = Path(keywright.__file__).parent
PAGES: Final = {
    path.stem: path.read_text(encoding="utf-8") for path in (PACKAGE.parents[1] / "docs/reference").glob("*.md")
}
SHAPE: Final = re.compile(r"_?[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
NO_VARIABLES: Final = {
    "CLOCK_BOOTTIME",  # a clock
    *("CONTAINER_AUTHORIZATION_TOKEN", "SHARED_CREDENTIALS", "WEB_IDENTITY_TOKEN"),  # what AWS_…_FILE are made of
}
HANDED_ON: Final = {"LD_LIBRARY_PATH", "LD_LIBRARY_PATH_ORIG", "PYINSTALLER_RESET_ENVIRONMENT"}
"""What is only set for, or handed to, another process of ours."""
OF_PROVIDERS: Final = {provider.env_key for provider in BUILT_IN.providers.values()}


def rows(page: str) -> list[tuple[str, ...]]:
    lines = [line for line in PAGES[page].splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    return [row for row in cells if not row[0].startswith(("---", "code", "exit code", "variable"))]


def constants(path: Path) -> Iterator[str]:
    """Yield what in a module looks like a variable's name, or is what an environment is asked for."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value=str(text)) if SHAPE.fullmatch(text) and "demo" not in path.parts:
                yield text
            case ast.Call(func=ast.Attribute(attr="get", value=holder), args=[ast.Constant(value=str(text)), *_]):
                yield from [text] if ast.unparse(holder).endswith(("env", "environ")) else []
            case ast.Subscript(value=holder, slice=ast.Constant(value=str(text))):
                yield from [text] if ast.unparse(holder).endswith(("env", "environ")) else []


READ: Final = {name for path in PACKAGE.rglob("*.py") for name in constants(path)} | OF_THE_HIT_PATH
DOCUMENTED: Final = {name for variable in VARIABLES for name in variable.names}


def test_every_variable_that_is_read_is_on_the_page() -> None:
    read = READ - NO_VARIABLES - HANDED_ON - OF_PROVIDERS - {"BILLING_TOKEN"}  # a docstring's example
    assert {name for name in read if not name.startswith("AWS_")} <= DOCUMENTED
    assert any(name.startswith("AWS_") for name in read)


def test_every_variable_on_the_page_is_read() -> None:
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    of_click = {"COMP_CWORD", "COMP_WORDS"}
    told = DOCUMENTED - of_click - {"AWS_*"}
    assert {name for name in told if name not in sources and name not in OF_THE_HIT_PATH} == set()


def test_the_page_of_variables_is_what_the_manual_says() -> None:
    names = {"all": "all", "keywright": "`keywright`"}
    assert rows("environment") == [
        (
            ", ".join(f"`{name}`" for name in variable.names),
            variable.effect,
            ", ".join(names.get(one, f"`{one}-credential-keywright`") for one in variable.readers),
        )
        for variable in VARIABLES
    ]
    assert NAMED in PAGES["environment"]


def test_the_page_of_codes_is_what_errors_say() -> None:
    exits = [(str(code), meaning) for code, meaning in exit_codes().items()]
    codes = [(f"`{code}`", str(kind.exit_code), meaning_of(kind)) for code, kind in ERRORS.items()]
    assert rows("exit-codes") == exits + codes


def test_every_kind_has_a_meaning_of_one_sentence() -> None:
    assert all(re.fullmatch(r"[A-Z][^.]+\.", meaning_of(kind)) for kind in ERRORS.values())


@pytest.mark.parametrize("shell", SHELLS)
def test_the_page_on_completion_names_each_shell(shell: str) -> None:
    assert f"keywright completion {shell}" in PAGES["completion"]


def test_the_files_are_where_the_settings_page_has_them() -> None:
    page = (PACKAGE.parents[1] / "docs/settings.md").read_text(encoding="utf-8")
    assert [path for path, _ in FILES if path.removesuffix("NAME.toml").removesuffix("providers.d/") not in page] == []
