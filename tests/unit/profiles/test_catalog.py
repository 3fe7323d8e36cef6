"""What is known of each provider is a contract, and a catalog answers questions about it without changing."""

import pytest

from keywright.errors import KeywrightError, ProfileNotFound, Unavailable
from keywright.profiles.built_in import AI, BUILT_IN, TOKENS, WRITTEN
from keywright.profiles.catalog import Catalog, OAuthEndpoint, ProviderMetadata, catalog_of
from keywright.profiles.mode import Mode
from keywright.settings.model import WRITTEN as PROVIDERS_OF_SETTINGS

IDENTITY = ("openid", "email", "profile")
CLOUD = (*IDENTITY, "https://www.googleapis.com/auth/cloud-platform")

CONTRACT = [
    # name, label, description, modes, variable, website
    (
        "openai",
        "OpenAI",
        "OpenAI API (GPT-4, GPT-3.5)",
        "api_key",
        "OPENAI_API_KEY",
        "https://platform.openai.com/api-keys",
    ),
    (
        "anthropic",
        "Anthropic",
        "Anthropic API (Claude)",
        "api_key oauth",
        "ANTHROPIC_API_KEY",
        "https://console.anthropic.com/settings/keys",
    ),
    ("gemini", "Google Gemini", "Google Gemini API", "oauth api_key", "GOOGLE_API_KEY", "https://ai.google.dev/"),
    ("groq", "Groq", "Groq API (fast inference)", "api_key", "GROQ_API_KEY", "https://console.groq.com/keys"),
    (
        "mistral",
        "Mistral AI",
        "Mistral AI API",
        "api_key",
        "MISTRAL_API_KEY",
        "https://console.mistral.ai/api-keys/",
    ),
    ("cohere", "Cohere", "Cohere API", "api_key", "COHERE_API_KEY", "https://dashboard.cohere.com/api-keys"),
    ("xai", "xAI", "xAI API (Grok)", "api_key", "XAI_API_KEY", "https://console.x.ai/"),
    (
        "deepseek",
        "DeepSeek",
        "DeepSeek API",
        "api_key",
        "DEEPSEEK_API_KEY",
        "https://platform.deepseek.com/api_keys",
    ),
    (
        "qwen",
        "Qwen (Alibaba)",
        "Qwen API (Alibaba Cloud)",
        "oauth api_key",
        "QWEN_API_KEY",
        "https://dashscope.aliyun.com/",
    ),
    ("minimax", "MiniMax", "MiniMax API", "oauth api_key", "MINIMAX_API_KEY", "https://www.minimaxi.com/"),
]

SENT = [
    # name, where it may go, how it is sent there, how it is tested
    ("openai", "api.openai.com", "Authorization: Bearer {secret}", "GET https://api.openai.com/v1/models"),
    (
        "anthropic",
        "api.anthropic.com",
        "x-api-key: {secret} | anthropic-version: 2023-06-01",
        "GET https://api.anthropic.com/v1/models",
    ),
    (
        "gemini",
        "generativelanguage.googleapis.com",
        "x-goog-api-key: {secret}",
        "GET https://generativelanguage.googleapis.com/v1beta/models",
    ),
    ("groq", "api.groq.com", "Authorization: Bearer {secret}", "GET https://api.groq.com/openai/v1/models"),
    ("mistral", "api.mistral.ai", "Authorization: Bearer {secret}", "GET https://api.mistral.ai/v1/models"),
    ("cohere", "api.cohere.com", "Authorization: Bearer {secret}", "GET https://api.cohere.com/v1/models"),
    ("xai", "api.x.ai", "Authorization: Bearer {secret}", "GET https://api.x.ai/v1/models"),
    ("deepseek", "api.deepseek.com", "Authorization: Bearer {secret}", "GET https://api.deepseek.com/models"),
    (
        "qwen",
        "dashscope.aliyuncs.com",
        "Authorization: Bearer {secret}",
        "GET https://dashscope.aliyuncs.com/compatible-mode/v1/models",
    ),
    ("minimax", "api.minimaxi.com", "Authorization: Bearer {secret}", "GET https://api.minimaxi.com/v1/models"),
    (
        "github",
        "github.com api.github.com ghcr.io",
        "Authorization: Bearer {secret}",
        "GET https://api.github.com/user",
    ),
    ("gitlab", "gitlab.com registry.gitlab.com", "PRIVATE-TOKEN: {secret}", "GET https://gitlab.com/api/v4/user"),
    ("docker", "index.docker.io registry-1.docker.io docker.io", "", None),
    ("npm", "registry.npmjs.org", "Authorization: Bearer {secret}", "GET https://registry.npmjs.org/-/whoami"),
    ("pypi", "upload.pypi.org", "", None),
]


def refusal(kind: type[KeywrightError], provider: str, service: str = "", catalog: Catalog = BUILT_IN) -> str:
    with pytest.raises(kind) as raised:
        catalog.oauth_scopes(provider, service)
    return str(raised.value)


class TestTheBuiltInProviders:
    @pytest.mark.parametrize("row", CONTRACT, ids=lambda row: row[0])
    def test_for_models_are_those_of_the_contract(self, row: tuple[str, ...]) -> None:
        found = BUILT_IN.get(row[0])
        modes = " ".join(found.modes)
        assert (found.name, found.label, found.description, modes, found.env_key, found.website) == row

    def test_for_models_are_no_others(self) -> None:
        assert [provider.name for provider in AI] == [row[0] for row in CONTRACT]

    @pytest.mark.parametrize(("name", "hosts", "headers", "live"), SENT)
    def test_send_a_secret_only_where_it_belongs(self, name: str, hosts: str, headers: str, live: str | None) -> None:
        found = BUILT_IN.get(name)
        assert " ".join(found.hosts) == hosts
        assert " | ".join(found.headers) == headers
        assert (str(found.validate) if found.validate else None) == live

    def test_with_a_secret_of_ones_own_are_all_told_where_it_belongs(self) -> None:
        assert {provider.name for provider in (*AI, *TOKENS)} == {row[0] for row in SENT}

    @pytest.mark.parametrize(
        ("name", "username"),
        [("github", "x-access-token"), ("gitlab", "oauth2"), ("pypi", "__token__"), ("docker", ""), ("openai", "")],
    )
    def test_name_the_user_that_goes_with_a_token(self, name: str, username: str) -> None:
        assert BUILT_IN.get(name).username == username

    def test_of_the_settings_are_those_that_profiles_are_written_of(self) -> None:
        assert {provider.name for provider in WRITTEN} == set(PROVIDERS_OF_SETTINGS)
        assert all("written in config.toml" in provider.description for provider in WRITTEN)
        assert {one.name: one.modes for one in WRITTEN if one.modes != (Mode.MINTED,)} == {"static": (Mode.STATIC,)}

    @pytest.mark.parametrize(
        ("name", "endpoint"),
        [
            (
                "gemini",
                OAuthEndpoint(
                    "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token", CLOUD
                ),
            ),
            ("qwen", OAuthEndpoint(scopes=IDENTITY)),
            ("minimax", OAuthEndpoint(scopes=IDENTITY)),
            ("anthropic", None),
            ("openai", None),
        ],
    )
    def test_tell_where_a_grant_is_got(self, name: str, endpoint: OAuthEndpoint | None) -> None:
        assert BUILT_IN.get(name).oauth_endpoint == endpoint

    def test_are_sorted_and_their_names_differ(self) -> None:
        assert list(BUILT_IN.names()) == sorted({provider.name for provider in (*AI, *TOKENS, *WRITTEN)})
        assert len(BUILT_IN.names()) == len(AI) + len(TOKENS) + len(WRITTEN) == 21

    def test_do_not_bypass_cooldowns(self) -> None:
        assert not [name for name in BUILT_IN.names() if BUILT_IN.bypasses_cooldown(name)]


class TestACatalog:
    @pytest.mark.parametrize(
        ("name", "is_known"), [("openai", True), ("OPENAI", True), ("OpenAI", True), ("", False), ("nobody", False)]
    )
    def test_finds_a_name_in_any_case(self, name: str, is_known: bool) -> None:
        assert BUILT_IN.knows(name) is is_known
        if is_known:
            assert BUILT_IN.get(name).label == "OpenAI"
        else:
            with pytest.raises(ProfileNotFound) as raised:
                BUILT_IN.get(name)
            assert str(raised.value) == f"unknown provider: {name}"
            assert (raised.value.code, raised.value.exit_code) == ("profile_not_found", 1)

    @pytest.mark.parametrize(
        ("mode", "names"),
        [
            (Mode.OAUTH, ["anthropic", "gemini", "minimax", "qwen"]),
            (Mode.TOKEN, ["docker", "github", "gitlab", "npm", "pypi"]),
            (Mode.MINTED, ["access-key", "aws-codecommit", "aws-ecr", "aws-eks", "github-app"]),
            (Mode.STATIC, ["static"]),
            (Mode.API_KEY, sorted(row[0] for row in CONTRACT)),
        ],
    )
    def test_lists_by_mode_sorted_by_name(self, mode: Mode, names: list[str]) -> None:
        assert [provider.name for provider in BUILT_IN.by_mode(mode)] == names

    def test_of_models_alone_has_nothing_for_tokens(self) -> None:
        assert catalog_of(AI).by_mode(Mode.TOKEN) == ()

    @pytest.mark.parametrize(
        ("name", "mode", "is_supported"),
        [
            ("anthropic", Mode.OAUTH, True),
            ("Anthropic", Mode.API_KEY, True),
            ("openai", Mode.OAUTH, False),
            ("openai", Mode.TOKEN, False),
            ("nobody", Mode.API_KEY, False),
            ("", Mode.API_KEY, False),
        ],
    )
    def test_knows_what_a_provider_supports(self, name: str, mode: Mode, is_supported: bool) -> None:
        assert BUILT_IN.supports(name, mode) is is_supported

    @pytest.mark.parametrize(
        ("name", "suggested"),
        [("openai", ("default", "work", "personal")), ("GitHub", ("default", "work", "personal")), ("x", ("default",))],
    )
    def test_suggests_names_of_profiles(self, name: str, suggested: tuple[str, ...]) -> None:
        assert BUILT_IN.suggested_names(name) == suggested

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(TypeError):
            BUILT_IN.providers["new"] = BUILT_IN.get("openai")  # type: ignore[index]
        with pytest.raises(AttributeError):
            BUILT_IN.get("openai").modes = ()  # type: ignore[misc]

    def test_bypasses_cooldowns_only_for_a_known_provider_of_exactly_that_name(self) -> None:
        catalog = catalog_of([ProviderMetadata("openrouter", "OpenRouter", cooldown_bypass=True)])
        assert catalog.bypasses_cooldown("openrouter")
        assert not catalog.bypasses_cooldown("OpenRouter")
        assert not BUILT_IN.bypasses_cooldown("openrouter")


class TestScopes:
    SERVICES = catalog_of(
        [
            *AI,
            ProviderMetadata("gemini-drive", "Drive", scopes=("drive",)),
            ProviderMetadata("gemini-mail", "Mail", scopes=("own",), oauth_endpoint=OAuthEndpoint(scopes=("mail",))),
            ProviderMetadata("gemini-none", "None", oauth_endpoint=OAuthEndpoint("https://a.example/auth")),
            ProviderMetadata("openai-files", "Files", scopes=("files",)),
        ]
    )

    @pytest.mark.parametrize(
        ("provider", "service", "scopes"),
        [
            ("gemini", "", CLOUD),
            ("GEMINI", "", CLOUD),
            ("anthropic", "", IDENTITY),
            ("qwen", "", IDENTITY),
            ("gemini", "drive", ("drive",)),
            ("Gemini", "Drive", ("drive",)),
            ("gemini", "mail", ("mail",)),
            ("gemini", "none", CLOUD),
            ("gemini", "nobody", CLOUD),
            ("openai", "files", ("files",)),
            ("gemini-mail", "", ("mail",)),
        ],
    )
    def test_are_the_services_then_the_providers(self, provider: str, service: str, scopes: tuple[str, ...]) -> None:
        assert self.SERVICES.oauth_scopes(provider, service) == scopes

    def test_of_who_has_none_is_an_error(self) -> None:
        assert refusal(Unavailable, "openai") == "no OAuth scopes defined for provider openai"
        assert refusal(Unavailable, "openai", "nobody") == "no OAuth scopes defined for provider openai"
        assert refusal(Unavailable, "gemini-none", catalog=self.SERVICES).endswith("gemini-none")

    def test_of_nobody_is_an_error(self) -> None:
        assert refusal(ProfileNotFound, "nobody") == "unknown provider: nobody"
        assert refusal(ProfileNotFound, "drive", catalog=self.SERVICES) == "unknown provider: drive"

    @pytest.mark.parametrize(("name", "scopes"), [("gemini", CLOUD), ("anthropic", IDENTITY), ("openai", ())])
    def test_are_resolved_in_a_copy(self, name: str, scopes: tuple[str, ...]) -> None:
        before = BUILT_IN.get(name)
        assert BUILT_IN.with_scopes(name) == before._replace(scopes=scopes)
        assert BUILT_IN.get(name) is before


@pytest.mark.parametrize(
    ("name", "mode", "headers"),
    [
        ("anthropic", Mode.API_KEY, ("x-api-key: {secret}", "anthropic-version: 2023-06-01")),
        ("anthropic", Mode.OAUTH, ("Authorization: Bearer {secret}", "anthropic-version: 2023-06-01")),
        ("gemini", Mode.API_KEY, ("x-goog-api-key: {secret}",)),
        ("gemini", Mode.OAUTH, ("Authorization: Bearer {secret}",)),
        ("gitlab", Mode.TOKEN, ("PRIVATE-TOKEN: {secret}",)),
    ],
)
def test_an_oauth_token_is_sent_as_a_bearer_whatever_a_key_needs(
    name: str, mode: Mode, headers: tuple[str, ...]
) -> None:
    assert BUILT_IN.get(name).headers_for(mode) == headers
