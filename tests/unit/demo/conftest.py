"""What the tests of the issuers share: a clock, and the check for a real client."""

import os
import shutil
from collections.abc import Callable

import pytest

from fakes.asking import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def needs() -> Callable[[str], str]:
    """Return a client's path; skip where it is not installed. In CI that is a failure."""

    def find(command: str) -> str:
        path = shutil.which(command)
        if path is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{command} is not installed")
        return path

    return find
