"""The system's certificate authorities, where OpenSSL's maker kept them elsewhere."""

from pathlib import Path

import pytest

from keywright.authorities import elsewhere, first_of


@pytest.fixture
def bundles(tmp_path: Path) -> list[str]:
    """Files of authorities, the first of which this system does not have."""
    (tmp_path / "second").touch()
    (tmp_path / "third").touch()
    return [str(tmp_path / name) for name in ("first", "second", "third")]


def test_without_openssls_own_the_first_file_that_there_is_is_read(bundles: list[str], tmp_path: Path) -> None:
    assert first_of(bundles, str(tmp_path / "cert.pem"), str(tmp_path / "certs")) == bundles[1]
    assert first_of(bundles[:1], str(tmp_path / "cert.pem"), str(tmp_path / "certs")) is None


def test_openssls_own_file_needs_no_help(bundles: list[str], tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    assert first_of(bundles, str(tmp_path / "cert.pem"), str(tmp_path / "certs")) is None


def test_openssls_own_folder_needs_no_help_if_openssl_can_use_it(bundles: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca-bundle.crt").touch()
    assert first_of(bundles, str(tmp_path / "cert.pem"), str(folder)) == bundles[1]
    (folder / "5ed36f99.0").touch()
    assert first_of(bundles, str(tmp_path / "cert.pem"), str(folder)) is None


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_who_names_them_is_obeyed(name: str) -> None:
    assert elsewhere({name: "/nowhere"}) is None
