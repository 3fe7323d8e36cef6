"""What is in the frozen bundle: every file and every module of it has a part, and each part a use."""

from pathlib import Path

import pytest

from parts import PROGRAM, items, left_over, part_of_file, part_of_module, table

pytestmark = pytest.mark.slow


def test_nothing_is_in_the_bundle_that_no_executable_uses(bundle: Path) -> None:
    assert left_over(bundle) == []


def test_the_parts_add_up_to_the_bundle(bundle: Path) -> None:
    files = [path for path in bundle.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(item.size for item in items(bundle)) == sum(path.stat().st_size for path in files)
    assert (bundle / PROGRAM) in files
    assert table(bundle)[-1][0] == "all"


@pytest.mark.parametrize(
    "place",
    [
        "_internal/botocore/data/ec2/2016-11-15/service-2.json.gz",
        "_internal/botocore/data/sts/2011-06-15/examples-1.json",
        "_internal/libtk8.6.so",
        "_internal/yaml/_yaml.so",
        "_internal/cryptography_vectors/x",
        "_internal/setuptools-80.9.0.dist-info/METADATA",
        "notes.txt",
    ],
)
def test_a_file_that_nobody_uses_is_noticed(place: str) -> None:
    assert part_of_file(place) == ""


@pytest.mark.parametrize(
    "name", ["unittest.mock", "yaml", "keywright.adapters.httpx", "pytest", "multiprocessing.pool"]
)
def test_a_module_that_nobody_uses_is_noticed(name: str) -> None:
    assert part_of_module(name) == ""
