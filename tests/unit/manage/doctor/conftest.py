"""What the tests of `doctor` share: a house that is well."""

from pathlib import Path

import pytest

from fakes.sick_house import House


@pytest.fixture
def house(home: Path) -> House:
    return House(home)
