"""The kind of a file system, by what Linux lists, and locks by trial."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.sick_house import House
from keywright.manage.doctor import filesystem
from keywright.manage.doctor.contention import CONTENDERS, TIMES, Span, contend
from keywright.manage.doctor.filesystem import kind_of, overlapping
from keywright.manage.doctor.finding import Severity

pytestmark = pytest.mark.real_clock

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw - nfs4 server:/home rw
31 30 0:31 / /home/me/fast rw - tmpfs tmpfs rw
32 30 0:32 / /home/me/with\040blank rw - fuse.sshfs me@host:/ rw
33 22 0:33 / /over rw - ext4 /dev/sdb1 rw
34 22 0:34 / /over rw - overlay overlay rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/homestead", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/.cache/keywright", "nfs4"),
        ("/home/me/fast/cache", "tmpfs"),
        ("/home/me/with blank/cache", "fuse.sshfs"),
        ("/over/cache", "overlay"),
    ],
)
def test_the_kind_is_that_of_the_longest_and_latest_mount_above(path: str, kind: str) -> None:
    assert kind_of(path, MOUNTS) == kind


@pytest.mark.parametrize(
    ("kind", "severities"),
    [
        ("ext4", {"filesystem-kind": Severity.OK}),
        ("nfs4", {"filesystem-nfs4": Severity.WARNING}),
        ("cifs", {"filesystem-cifs": Severity.WARNING}),
        ("fuse.sshfs", {"filesystem-fuse": Severity.WARNING}),
        ("tmpfs", {"filesystem-tmpfs": Severity.WARNING}),  # the last of three: there the vault would be
    ],
)
def test_what_locks_poorly_or_is_soon_gone_is_told(house: House, kind: str, severities: dict[str, Severity]) -> None:
    mounts = house.write("mounts", f"22 1 8:1 / / rw - {kind} x rw\n")
    found = {row.id: row.severity for row in filesystem.look_at_kinds(house.scene(mounts=str(mounts)))}
    assert found == severities


def test_a_system_that_lists_no_mounts_is_no_fault(house: House) -> None:
    (found,) = filesystem.look_at_kinds(house.scene(mounts="/nowhere"))
    assert (found.id, found.severity) == ("filesystem-unknown", Severity.NOTE)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=8))
def test_spans_overlap_if_any_instant_is_in_two_of_them(spans: list[tuple[int, int]]) -> None:
    held = [Span(1, start, start + length) for start, length in spans]
    instants = [instant for span in held for instant in range(span.from_ns, span.to_ns)]
    assert overlapping(held) == (len(instants) > len(set(instants)))


class TestContending:
    def test_processes_take_turns(self, house: House, tmp_path: Path) -> None:
        spans = contend(str(tmp_path / "lock"), house.env)
        assert spans is not None
        assert len({span.pid for span in spans} - {os.getpid()}) == CONTENDERS
        assert len(spans) == CONTENDERS * TIMES
        assert not overlapping(spans)

    def test_what_cannot_be_locked_is_told(self, house: House, tmp_path: Path) -> None:
        (tmp_path / "lock").mkdir()
        assert contend(str(tmp_path / "lock"), house.env) == []

    @pytest.mark.parametrize(
        ("spans", "id_"),
        [
            ([], "locks-missing"),
            (None, "locks-untried"),
            ([Span(1, 0, 5), Span(2, 4, 6)], "locks-overlap"),
            ([Span(1, 0, 5), Span(2, 5, 6)], "locks-exclude"),
        ],
    )
    def test_each_outcome_has_a_finding_and_leaves_nothing(
        self, house: House, monkeypatch: pytest.MonkeyPatch, spans: list[Span] | None, id_: str
    ) -> None:
        (house.own / "cache").mkdir(mode=0o700)
        monkeypatch.setattr(filesystem, "contend", lambda *_: spans)
        found = house.found(filesystem.look_by_trial)
        assert set(found) == {id_, "replace-whole", "times-fine"}
        assert list((house.own / "cache").iterdir()) == []


def test_a_folder_that_takes_no_file_is_a_finding_and_no_bug(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the disk is full: here what is written to is taken away under the trial's hands."""
    (house.own / "cache").mkdir(mode=0o700)

    def vanish(lock: str, _env: object) -> list[Span]:
        Path(lock).parent.rmdir()
        return [Span(1, 0, 1)]

    monkeypatch.setattr(filesystem, "contend", vanish)
    found = house.found(filesystem.look_by_trial)
    assert found["filesystem-unwritable"].severity is Severity.ERROR
    assert "ENOENT" in found["filesystem-unwritable"].what
