"""Where a package puts what the bundle holds."""

import gzip
from pathlib import Path

import pytest

from linux import contents
from make import remove_older


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle in small."""
    folder = tmp_path / "keywright"
    for name in (
        *("CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-LICENSES", "docs/clients/git.md"),
        *("keywright-python", "_internal/libz.so.1"),
        *(
            "share/man/man1/keywright.1",
            "share/zsh/site-functions/_keywright",
            "share/fish/vendor_completions.d/k.fish",
        ),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n")
        (folder / name).chmod(0o755 if name == "keywright-python" else 0o644)
    (folder / "keywright").symlink_to("keywright-python")
    (folder / "git-credential-keywright").symlink_to("keywright")
    return folder


def test_each_thing_has_its_place_mode_and_owner(bundle: Path, tmp_path: Path) -> None:
    rows = [*contents(bundle, tmp_path)]
    assert len({(row["dst"], row.get("packager")) for row in rows}) == len(rows)
    links = {row["dst"]: row["src"] for row in rows if row.get("type") == "symlink"}
    assert links == {
        "/usr/bin/git-credential-keywright": "../lib/keywright/git-credential-keywright",
        "/usr/bin/keywright": "../lib/keywright/keywright",
        "/usr/lib/keywright/git-credential-keywright": "keywright",
        "/usr/lib/keywright/keywright": "keywright-python",
    }
    others = [row for row in rows if row.get("type") != "symlink"]
    assert {(row["file_info"]["owner"], row["file_info"]["group"]) for row in others} == {("root", "root")}
    assert {row["dst"]: row["file_info"]["mode"] for row in others} == {
        "/usr/lib/keywright": 0o755,
        "/usr/lib/keywright/_internal": 0o755,
        "/usr/lib/keywright/_internal/libz.so.1": 0o644,
        "/usr/lib/keywright/keywright-python": 0o755,
        "/usr/share/doc/keywright": 0o755,
        "/usr/share/doc/keywright/README.md": 0o644,
        "/usr/share/doc/keywright/SECURITY.md": 0o644,
        "/usr/share/doc/keywright/docs": 0o755,
        "/usr/share/doc/keywright/docs/clients": 0o755,
        "/usr/share/doc/keywright/docs/clients/git.md": 0o644,
        "/usr/share/doc/keywright/changelog.gz": 0o644,
        "/usr/share/doc/keywright/copyright": 0o644,
        "/usr/share/fish": 0o755,
        "/usr/share/fish/vendor_completions.d": 0o755,
        "/usr/share/fish/vendor_completions.d/k.fish": 0o644,
        "/usr/share/man/man1/keywright.1.gz": 0o644,
        "/usr/share/zsh": 0o755,
        "/usr/share/zsh/site-functions": 0o755,
        "/usr/share/zsh/site-functions/_keywright": 0o644,
        "/usr/share/zsh/vendor-completions/_keywright": 0o644,
    }


def test_debian_s_zsh_looks_elsewhere_and_rpm_owns_the_folders(bundle: Path, tmp_path: Path) -> None:
    packagers = {row["dst"]: row["packager"] for row in contents(bundle, tmp_path) if "packager" in row}
    assert packagers == {
        "/usr/share/fish": "rpm",
        "/usr/share/fish/vendor_completions.d": "rpm",
        "/usr/share/zsh": "rpm",
        "/usr/share/zsh/site-functions": "rpm",
        "/usr/share/zsh/site-functions/_keywright": "rpm",
        "/usr/share/zsh/vendor-completions/_keywright": "deb",
    }


def test_a_man_page_is_compressed_without_a_date(bundle: Path, tmp_path: Path) -> None:
    (page,) = (row["src"] for row in contents(bundle, tmp_path) if row["dst"].endswith(".1.gz"))
    data = Path(page).read_bytes()
    assert (gzip.decompress(data), data[4:8]) == (b"share/man/man1/keywright.1\n", bytes(4))


def test_a_tarball_that_was_unpacked_where_it_was_made_is_left_alone(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    unpacked = dist / "keywright-0.1.0-linux-x86_64"
    unpacked.mkdir(parents=True)
    for name in ("keywright-0.1.0-linux-x86_64.tar.gz", "keywright_0.1.0_amd64.deb", "SHA256SUMS", "notes.txt"):
        (dist / name).touch()
    remove_older(dist)
    assert {path.name for path in dist.iterdir()} == {unpacked.name, "notes.txt"}
