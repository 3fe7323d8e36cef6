import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.adapters.scheme import basic, bearer, by_kind, header
from keywright.adapters.sender import is_elsewhere, origin
from keywright.credential import Credential, Kept
from keywright.errors import Unavailable, UsageError
from keywright.request import Url
from keywright.secret import Secret

AT = datetime(2030, 1, 1, tzinfo=UTC)


def credential(secret: str = "s3cret", username: str | None = None, authtype: str = "") -> Credential:
    kept = Kept(authtype=authtype) if authtype else None
    return Credential(Secret(secret), issued_at=AT, username=username, kept=kept)


@pytest.mark.parametrize(
    ("scheme", "of", "value"),
    [
        (bearer, credential(), "Bearer s3cret"),
        (bearer, credential(username="ann"), "Bearer s3cret"),
        (basic, credential(username="ann"), "Basic YW5uOnMzY3JldA=="),
        (basic, credential(), "Basic OnMzY3JldA=="),
        (basic, credential("\ud800"), "Basic Ou2ggA=="),
        (basic, credential("geheim·nis", username="änn"), "Basic w6RubjpnZWhlaW3Ct25pcw=="),
        (by_kind, credential(), "Bearer s3cret"),
        (by_kind, credential(username="ann"), "Basic YW5uOnMzY3JldA=="),
        (by_kind, credential(username="ann", authtype="Negotiate"), "Negotiate s3cret"),
        (header("X-API-Key"), credential(username="ann"), "s3cret"),
    ],
)
def test_a_scheme_writes(scheme: object, of: Credential, value: str) -> None:
    assert scheme.value(of) == value  # type: ignore[attr-defined]


def test_a_user_name_with_a_colon_is_no_user_name_of_basic() -> None:
    with pytest.raises(Unavailable, match="no user name with a colon"):
        basic.value(credential(username="a:b"))


@given(st.text())
def test_a_bare_secret_is_sent_as_it_is_or_not_at_all(secret: str) -> None:
    scheme = header("X-API-Key")
    if secret and secret.isascii() and secret.isprintable() and secret.strip() == secret:
        assert scheme.value(credential(secret)) == secret
        return
    with pytest.raises(Unavailable) as caught:
        scheme.value(credential(f"{secret}\n"))
    assert caught.value.what == "the credential holds what no X-API-Key header can: a line break, or what is not ASCII"


@given(st.text(), st.text().filter(lambda name: ":" not in name))
def test_basic_carries_whatever_utf_8_can(secret: str, username: str) -> None:
    value = basic.value(credential(secret, username))
    assert b64decode(value.removeprefix("Basic ")).decode() == f"{username}:{secret}"


@pytest.mark.parametrize("name", ["", "X API", "X:", "X\n", "Ü", "X-Api-Key "])
def test_what_is_no_header_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a header"):
        header(name)


def test_what_is_replaced_is_found_whatever_its_case() -> None:
    scheme = header("X-API-Key").instead_of("Authorization")
    assert scheme.headers_of(["x-api-KEY", "AUTHORIZATION", "accept"]) == ["x-api-KEY", "AUTHORIZATION"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://API.example.com:443/a?b#c", Url("https", "api.example.com")),
        ("https://api.example.com.:8443", Url("https", "api.example.com:8443")),
        ("http://[::1]:80/", Url("http", "[::1]")),
        ("https://ann@api.example.com/", None),
        ("https://api.example.com\\@evil.example/", None),
        ("https://api.example.com%2eevil.example/", None),
        ("//api.example.com/", None),
        ("https://[/", None),
        ("", None),
    ],
)
def test_an_origin_is_scheme_host_and_port_or_nothing(url: str, found: Url | None) -> None:
    assert origin(url) == found


@pytest.mark.parametrize(
    ("location", "leaves"),
    [
        ("/there", False),
        ("there", False),
        ("?q", False),
        ("https://API.example.com:443/", False),
        ("//api.example.com/", False),
        ("//evil.example/", True),
        ("http://api.example.com/", True),
        ("https://api.example.com:444/", True),
        ("https://api.example.com.evil.example/", True),
        ("https://evil.example\\@api.example.com/", True),
        ("https://api.example.com@evil.example/", True),
        ("https://[", True),
    ],
)
def test_a_redirect_leaves_or_stays(location: str, leaves: bool) -> None:
    assert is_elsewhere("https://api.example.com/v1/", location) is leaves


@pytest.mark.parametrize("name", ["httpx", "httpx2", "requests"])
def test_without_its_library_an_adapter_says_what_to_install(name: str) -> None:
    program = f"import sys; sys.modules[{name!r}] = None\nimport keywright.adapters.{name}"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == f"ImportError: this needs {name}: pip install 'keywright[{name}]'"


@pytest.mark.parametrize("name", ["headers", "scheme", "urllib3", "botocore"])
def test_the_others_want_nothing_that_is_not_there(name: str) -> None:
    program = (
        f"import sys; sys.modules.update(httpx=None, httpx2=None, requests=None)\nimport keywright.adapters.{name}"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True)
