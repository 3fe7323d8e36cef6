"""A provider's file is a contract: what may stand in it, what it means, and what is said of everything else."""

import pytest

from keywright.errors import ConfigurationError
from keywright.profiles.catalog import LiveTest, OAuthEndpoint, ProviderMetadata
from keywright.profiles.mode import Mode
from keywright.profiles.provider_file import parse

PATH = "/c/providers.d/acme.toml"
WHOLE = """\
name = "Acme"
label = "Acme Models"
description = "Models of Acme"
modes = ["oauth", "api_key"]
env_key = "ACME_API_KEY"
website = "https://acme.example/keys?new=1#top"
hosts = ["API.acme.example.", "eu.acme.example:8443", "api.acme.example:443"]
headers = ["x-acme-key:   {secret}", "x-acme-version: 2"]
username = "acme"
scopes = ["models.read"]
parent_provider = "OpenAI"
validate = "HEAD https://api.acme.example/v1/models?limit=1"
cooldown_bypass = true

[oauth_endpoint]
auth_url = "https://login.acme.example/auth?tenant=a"
token_url = "https://login.acme.example/token"
scopes = ["models.read", "offline_access"]
"""
LEAST = 'modes = ["api_key"]\n'
SENT = LEAST + 'hosts = ["a.example"]\nheader = "x: {secret}"\n'


def read(text: str, stem: str = "acme") -> ProviderMetadata:
    return parse(PATH, text.encode(), stem)


def refusal(text: str, stem: str = "acme") -> str:
    with pytest.raises(ConfigurationError) as raised:
        read(text, stem)
    told = str(raised.value)
    assert told.startswith(PATH)
    assert raised.value.exit_code == 2
    return told.removeprefix(PATH).removeprefix(": ").removeprefix(", ")


def test_everything_that_may_stand_in_it() -> None:
    assert read(WHOLE) == ProviderMetadata(
        name="acme",
        label="Acme Models",
        description="Models of Acme",
        modes=(Mode.OAUTH, Mode.API_KEY),
        env_key="ACME_API_KEY",
        website="https://acme.example/keys?new=1#top",
        scopes=("models.read",),
        oauth_endpoint=OAuthEndpoint(
            "https://login.acme.example/auth?tenant=a",
            "https://login.acme.example/token",
            ("models.read", "offline_access"),
        ),
        parent_provider="openai",
        hosts=("api.acme.example", "eu.acme.example:8443"),
        headers=("x-acme-key: {secret}", "x-acme-version: 2"),
        username="acme",
        validate=LiveTest("HEAD", "https://api.acme.example/v1/models?limit=1"),
        cooldown_bypass=True,
    )


def test_the_least_that_must() -> None:
    assert read(LEAST) == ProviderMetadata(name="acme", label="acme", modes=(Mode.API_KEY,))


@pytest.mark.parametrize(
    ("stem", "line", "bypasses"),
    [
        ("openrouter", "", True),
        ("openrouter", "cooldown_bypass = false", False),
        ("acme", "", False),
        ("acme", "cooldown_bypass = true", True),
    ],
)
def test_openrouter_bypasses_cooldowns_unless_its_file_says_otherwise(stem: str, line: str, bypasses: bool) -> None:
    assert read(LEAST + line, stem).cooldown_bypass is bypasses


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost:8080", "http://localhost:8080/me"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/me"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("a.example", "https://A.example:443/me"),
        ("a.example:8443", "https://a.example:8443/me"),
    ],
)
def test_a_live_test_may_ask_what_is_in_hosts(host: str, url: str) -> None:
    found = read(f'{LEAST}hosts = ["{host}"]\nusername = "me"\nvalidate = "GET {url}"')
    assert found.validate == LiveTest("GET", url)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "`modes` is missing; write one or more of api_key, oauth, token"),
        ("modes = []", "`modes` is empty"),
        ('modes = ["token", "token"]', "`modes` says one twice"),
        ('modes = ["apikey"]', "`modes` holds `apikey`; did you mean `api_key`?"),
        ('modes = ["minted"]', "`modes` holds `minted`; there are api_key, oauth, token"),
        ('modes = ["static"]', "`modes` holds `static`; there are api_key, oauth, token"),
        ('modes = ["API_KEY"]', "`modes` holds `API_KEY`; there are"),
        ('modes = "token"', "`modes`: expected `array`, got `str`"),
        ("modes = [1]", "`modes`: expected `str`, got `int`"),
        (LEAST + 'lable = "x"', "there is no key `lable`; did you mean `label`?"),
        (LEAST + 'validation = "x"', "there is no key `validation`; did you mean `validate`?"),
        (LEAST + "label = 1", "`label`: expected `str`, got `int`"),
        (LEAST + "name = 1", "`name`: expected `str`, got `int`"),
        (LEAST + "cooldown_bypass = 1", "`cooldown_bypass`: expected `bool`, got `int`"),
        (LEAST + 'oauth_endpoint = "https://a.example"', "`oauth_endpoint`: expected a table, got `str`"),
        (LEAST + 'label = "a\\u001b[31m"', "`label` holds characters that cannot be shown"),
        (LEAST + 'description = "a\\nb"', "`description` holds characters that cannot be shown"),
        (LEAST + 'name = ""', "provider name is required"),
        (LEAST + 'name = "a/b"', "the name is not a provider's; use at most 64 letters, digits, _ and -"),
        (LEAST + 'name = "a:b"', "the name is not a provider's"),
        (LEAST + 'name = "a.usage"', "the name is not a provider's"),
        (LEAST + 'name = "-a"', "the name is not a provider's"),
        (LEAST + 'name = "ä"', "the name is not a provider's"),
        (LEAST + f'name = "{"a" * 65}"', "the name is not a provider's"),
        (LEAST + 'env_key = "A-B"', "`env_key` is no environment variable's name"),
        (LEAST + 'env_key = "1A"', "`env_key` is no environment variable's name"),
        (
            LEAST + 'website = "http://a.example"',
            "`website` must be https://, not http://; http:// is for loopback only",
        ),
        (LEAST + 'website = "a.example"', "`website` is not a URL; write it as https://HOST/PATH"),
        (LEAST + 'website = "javascript:alert(1)"', "`website` is not a URL"),
        (LEAST + 'website = "https://u:p@a.example"', "`website` is not a URL"),
        (LEAST + 'website = "https://a.example/ b"', "`website` is not a URL"),
        (LEAST + 'hosts = ["https://a.example"]', "`hosts` holds `https://a.example`, which is no host; write it as"),
        (LEAST + 'hosts = ["a.example/x"]', "`hosts` holds `a.example/x`"),
        (LEAST + 'hosts = ["*.example"]', "`hosts` holds `*.example`"),
        (LEAST + 'hosts = ["u@a.example"]', "`hosts` holds `u@a.example`"),
        (LEAST + 'hosts = [""]', "`hosts` holds ``"),
        (LEAST + 'hosts = ["a.example:0"]', "`hosts` holds `a.example:0`"),
        (LEAST + 'header = "x-key {secret}"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x key: {secret}"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x-key: {secret}\\r\\nHost: b"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x-key: {secret}\\u0000"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x-key: {secret} "', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x-key: ü{secret}"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "{secret}: x"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = ": {secret}"', "`headers` holds what is no HTTP header"),
        (LEAST + 'header = "x-key: {secrt}"', "`headers` must hold `{secret}` exactly once"),
        (LEAST + 'header = "x-key: {secret}{secret}"', "`headers` must hold `{secret}` exactly once"),
        (LEAST + 'headers = ["a: {secret}", "b: {secret}"]', "`headers` must hold `{secret}` exactly once"),
        (LEAST + 'headers = ["a: {secret}", "A: b"]', "`headers` holds `A` twice"),
        (LEAST + 'headers = ["Host: b.example", "a: {secret}"]', "`headers` holds `Host`, which belongs to the"),
        (LEAST + 'header = "Transfer-Encoding: {secret}"', "`headers` holds `Transfer-Encoding`, which belongs"),
        (LEAST + 'header = "a: {secret}"\nheaders = []', "`header` and `headers` are both there; keep one"),
        (LEAST + 'username = "a:b"', "`username` holds a colon, which HTTP Basic cannot send"),
        (LEAST + 'username = "a\\nb"', "`username` holds characters that cannot be shown"),
        (LEAST + 'scopes = ["a b"]', "`scopes` holds what is no OAuth scope; write one scope per string"),
        (LEAST + 'scopes = [""]', "`scopes` holds what is no OAuth scope"),
        (LEAST + '[oauth_endpoint]\nauth = ""', "[oauth_endpoint]: there is no key `auth`; did you mean `auth_url`?"),
        (LEAST + "[oauth_endpoint]\nscopes = 1", "[oauth_endpoint]: `scopes`: expected `array`, got `int`"),
        (LEAST + '[oauth_endpoint]\nscopes = ["\\""]', "[oauth_endpoint]: `scopes` holds what is no OAuth scope"),
        (LEAST + '[oauth_endpoint]\ntoken_url = "ftp://a.example"', "[oauth_endpoint]: `token_url` must be https://"),
        (LEAST + '[oauth_endpoint]\nauth_url = "https://a.example/#f"', "[oauth_endpoint]: `auth_url` is not a URL"),
        (SENT + 'validate = "https://a.example"', "`validate` has no method that changes nothing; write it as"),
        (SENT + 'validate = "DELETE https://a.example"', "`validate` has no method that changes nothing"),
        (SENT + 'validate = "GET  https://a.example"', "`validate` is not a URL"),
        (SENT + 'validate = "GET http://a.example"', "`validate` must be https://, not http://"),
        (SENT + 'validate = "GET https://b.example"', "`validate` asks a host that is not in `hosts`; the secret goes"),
        (SENT + 'validate = "GET https://a.example.b.example"', "`validate` asks a host that is not in `hosts`"),
        (SENT + 'validate = "GET https://a.example:444"', "`validate` asks a host that is not in `hosts`"),
        (SENT + 'validate = "GET "', "`validate` asks a host that is not in `hosts`"),
        (
            LEAST + 'hosts = ["a.example"]\nvalidate = "GET https://a.example"',
            "`validate` is there, but not how the secret is sent; add `headers` or `username`",
        ),
        (LEAST + 'secret = "sk-1', " is not TOML (at end of document)"),
        (LEAST + LEAST, " says something twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    assert refusal(text).startswith(told)


def test_a_file_that_is_not_text_is_told() -> None:
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        parse(PATH, b"\xff", "acme")
