import subprocess
import sys
from typing import Any

import pytest

import keywright
from keywright.library import api


def test_what_is_offered_is_what_the_table_of_it_says() -> None:
    assert keywright.__all__ == api.__all__
    assert {*keywright.__all__} <= {*dir(keywright)}


@pytest.mark.parametrize("name", keywright.__all__)
def test_each_name_comes_from_the_package(name: str) -> None:
    offered: Any = getattr(keywright, name)
    assert offered.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        getattr(keywright, "nonsense")  # noqa: B009 - a type checker knows that it is not there


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import keywright", ("typing", "threading", "keywright.library", "keywright.hit")),
        ("from keywright import hit", ("typing", "threading", "keywright.library")),
        ("import keywright; keywright.get_token", ("asyncio", "botocore", "urllib3", "cryptography", "filelock")),
    ],
)
def test_nothing_is_imported_before_it_is_used(program: str, absent: tuple[str, ...]) -> None:
    told = f"{program}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
