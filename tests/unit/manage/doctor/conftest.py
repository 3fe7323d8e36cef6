"""What the tests of `doctor` share: a house that is well."""

from pathlib import Path

import pytest

from fakes.sick_house import House


@pytest.fixture
def house(home: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    # A busy machine is no failure: a program that is slow there would be told as one that hangs.
    monkeypatch.setattr("keywright.manage.doctor.scene.ANSWERS_WITHIN_S", 60.0)
    return House(home)
