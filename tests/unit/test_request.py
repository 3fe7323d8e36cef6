"""Hosts, paths and URLs in normal form: what two parsers could read differently is none of the three."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.request import Client, Request, Url, Verb, parse_host, parse_path, parse_scheme, parse_url, plain_path

CONTROL_CHARACTERS = [chr(code) for code in (*range(0x20), 0x7F)]
LABELS = st.text("abcxyzABC0189-_", min_size=1, max_size=8)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATHS = st.lists(st.text("abcABC019-_.~@: ", min_size=1, max_size=6).filter(lambda c: c not in {".", ".."}), max_size=4)


@pytest.mark.parametrize(
    ("text", "scheme", "normal"),
    [
        ("github.com", "https", "github.com"),
        ("GitHub.COM", "https", "github.com"),
        ("github.com.", "https", "github.com"),
        ("github.com:443", "https", "github.com"),
        ("github.com:0443", "https", "github.com"),
        ("github.com.:443", "https", "github.com"),
        ("github.com:80", "https", "github.com:80"),
        ("github.com:80", "http", "github.com"),
        ("github.com:443", "http", "github.com:443"),
        ("registry:443", "", "registry:443"),
        ("registry:5000", "", "registry:5000"),
        ("localhost", "http", "localhost"),
        ("my_host", "https", "my_host"),
        ("xn--bcher-kva.example", "https", "xn--bcher-kva.example"),
        ("127.0.0.1:65535", "http", "127.0.0.1:65535"),
        ("[::1]", "https", "[::1]"),
        ("[::1]:8443", "https", "[::1]:8443"),
        ("[::1]:443", "https", "[::1]"),
        ("[2001:DB8::A]", "https", "[2001:db8::a]"),
        ("[::ffff:127.0.0.1]", "https", "[::ffff:127.0.0.1]"),
    ],
)
def test_a_host_is_brought_into_its_normal_form(text: str, scheme: str, normal: str) -> None:
    assert parse_host(text, scheme) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".github.com",
        "github..com",
        "github.com..",
        "evil.example .github.com",
        " github.com",
        "github.com ",
        "github.com\n",
        "github.com\r",
        "github.com\0",
        "github.com:",
        "github.com:0",
        "github.com:65536",
        "github.com:443:443",
        "github.com:+443",
        "github.com:\uff14\uff14\uff13",
        "github.com:443\n",
        "github.com:4 43",
        "git@github.com",
        "github.com/acme",
        "github.com?x",
        "github.com#x",
        "github.com\\evil.example",
        "github.com%00",
        "bücher.example",
        "\uff47ithub.com",
        "github\u3002com",
        "GİTHUB.com",
        "\udcffgithub.com",
        "*.github.com",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[::1]x",
        "[::1]]",
        "[fe80::1%25eth0]",
        "[github.com]",
    ],
)
def test_what_is_not_a_host_is_refused(text: str) -> None:
    assert parse_host(text, "https") is None


@pytest.mark.parametrize("character", CONTROL_CHARACTERS)
def test_a_control_character_is_refused_anywhere(character: str) -> None:
    for text in (f"{character}example", f"exa{character}mple", f"example{character}"):
        assert parse_host(text, "https") is None
        assert parse_path(text) is None
        assert plain_path(text) is None
        assert parse_path(f"a%{ord(character):02x}b") is None
        assert parse_url(f"https://host/{text}") is None


@given(HOSTS, st.integers(1, 65535) | st.none(), st.sampled_from(["", "http", "https"]))
def test_a_normal_host_is_its_own_normal_form(host: str, port: int | None, scheme: str) -> None:
    normal = parse_host(host if port is None else f"{host}:{port}", scheme)
    assert normal is not None
    assert parse_host(normal, scheme) == normal


@given(st.text(), st.sampled_from(["", "http", "https"]))
def test_whatever_passes_for_a_host_is_printable_ascii_in_lower_case(text: str, scheme: str) -> None:
    normal = parse_host(text, scheme)
    if normal is not None:
        assert normal.isascii()
        assert normal.isprintable()
        assert normal == normal.lower()
        assert not set(normal) & set(" /?#@%\\*")


@pytest.mark.parametrize(
    ("encoded", "normal"),
    [
        ("", ""),
        ("/", ""),
        ("acme", "acme"),
        ("/acme/rocket", "acme/rocket"),
        ("acme/rocket/", "acme/rocket"),
        ("%61cme", "acme"),
        ("%2561cme", "%61cme"),
        ("%252e%252e/x", "%2e%2e/x"),
        ("b%C3%BCcher", "bücher"),
        ("caf%ff", "caf\udcff"),
        (".git", ".git"),
        ("...", "..."),
        ("a b", "a b"),
    ],
)
def test_a_path_is_decoded_once_and_trimmed_of_one_slash_at_each_end(encoded: str, normal: str) -> None:
    assert parse_path(encoded) == normal


@pytest.mark.parametrize(
    "encoded",
    [
        "//",
        "//acme",
        "acme//",
        "acme//rocket",
        "..",
        ".",
        "../x",
        "acme/../evil",
        "acme/./x",
        "acme/..",
        "%2e%2e/x",
        "acme/%2e%2e/evil",
        ".%2E/x",
        "acme%2frocket",
        "%2f",
        "acme%00",
        "acme%0a",
        "acme%7f",
    ],
)
def test_a_path_with_a_component_that_is_no_plain_name_is_refused(encoded: str) -> None:
    assert parse_path(encoded) is None


def test_a_path_that_was_decoded_already_is_not_decoded_again() -> None:
    assert plain_path("my%2Dorg/%2e%2e") == "my%2Dorg/%2e%2e"


@given(st.text())
def test_a_normal_path_is_its_own_normal_form(text: str) -> None:
    normal = plain_path(text)
    if normal is not None:
        assert plain_path(normal) == normal
        assert not normal.startswith("/")
        assert not normal.endswith("/")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("github.com", Url(scheme="", host="github.com")),
        ("https://github.com", Url(scheme="https", host="github.com")),
        ("HTTPS://GitHub.com:443/", Url(scheme="https", host="github.com")),
        ("https://github.com/Acme/Rocket", Url(scheme="https", host="github.com", path="Acme/Rocket")),
        ("gcr.io/project/image", Url(scheme="", host="gcr.io", path="project/image")),
        ("registry:5000/a", Url(scheme="", host="registry:5000", path="a")),
        ("https://[::1]:8443/x", Url(scheme="https", host="[::1]:8443", path="x")),
        ("ftp://host", Url(scheme="ftp", host="host")),
    ],
)
def test_a_url_is_brought_into_its_normal_form(text: str, url: Url) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "https://",
        "https:///x",
        "://host",
        "http::://host",
        "1https://host",
        " https://host",
        "https://host//",
        "https://user@host/",
        "https://user:word@host/",
        "https://host?x",
        "https://host/?x",
        "https://host/#x",
        "https://host/../x",
        "https://host/a%2fb",
        "https://a@b@c/",
        "ht tp://host",
        "https://host:x/",
        "https:/host",
    ],
)
def test_what_does_not_name_one_place_is_no_url(text: str) -> None:
    assert parse_url(text) is None


@given(st.sampled_from(["", "http", "https"]), HOSTS, PATHS)
def test_a_url_reads_back_as_it_is_written(scheme: str, host: str, path: list[str]) -> None:
    url = Url(scheme=scheme, host=host.lower(), path="/".join(path))
    assert parse_url(str(url)) == url


@given(st.text())
def test_reading_a_url_never_fails(text: str) -> None:
    url = parse_url(text)
    assert url is None or parse_host(url.host, url.scheme) == url.host


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("https", "https"),
        ("HTTP", "http"),
        ("git+ssh", "git+ssh"),
        ("", None),
        ("http::", None),
        ("4u", None),
        ("https\n", None),
        ("hťtps", None),
        ("-x", None),
    ],
)
def test_a_scheme_is_a_letter_and_what_rfc_3986_lets_follow(text: str, scheme: str | None) -> None:
    assert parse_scheme(text) == scheme


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("github.com", "github.com"),
        ("github.com:8443", "github.com"),
        ("[::1]", "[::1]"),
        ("[::1]:8443", "[::1]"),
    ],
)
def test_a_name_is_the_host_without_its_port(host: str, name: str) -> None:
    assert Url(scheme="https", host=host).name == name


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("127.0.0.1", True),
        ("127.255.255.255:1", True),
        ("[::1]", True),
        ("[::1]:8443", True),
        ("127.0.0.256", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0", False),
        ("127.evil.example", False),
        ("localhost.evil.example", False),
        ("evil-localhost", False),
        ("128.0.0.1", False),
        ("[::2]", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_told_from_what_looks_like_it(host: str, is_loopback: bool) -> None:
    assert Url(scheme="http", host=host).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, "acme/app"),
        ("", "acme/app"),
        ("acme/app.git", "acme/app.git"),
        ("acme/app.git/info/lfs", "acme/app.git/info/lfs"),
        ("acme/app.git?x=y", "acme/app.git"),
        ("/acme/app/", "acme/app"),
        ("acme/a%41", "acme/a%41"),
    ],
)
def test_a_place_has_the_path_as_it_was_spelt(path: str | None, expected: str) -> None:
    url = Url(scheme="https", host="github.com", path="acme/app")
    request = Request(client=Client.GIT, verb=Verb.GET, url=url, path=path)
    assert request.place == url._replace(path=expected)
    assert request._replace(url=None).place is None
