"""The providers that keywright knows by itself: one literal table, read off the providers' public documentation.

`minted` and `static` profiles are written in `config.toml`; profiles of all other modes are kept in the vault.
"""

from typing import Final

from keywright.profiles.catalog import BEARER, LiveTest, OAuthEndpoint, ProviderMetadata, catalog_of
from keywright.profiles.mode import Mode

_IDENTITY: Final = ("openid", "email", "profile")

AI: Final = (
    ProviderMetadata(
        name="openai",
        label="OpenAI",
        description="OpenAI API (GPT-4, GPT-3.5)",
        modes=(Mode.API_KEY,),
        env_key="OPENAI_API_KEY",
        website="https://platform.openai.com/api-keys",
        hosts=("api.openai.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.openai.com/v1/models"),
    ),
    ProviderMetadata(
        name="anthropic",
        label="Anthropic",
        description="Anthropic API (Claude)",
        modes=(Mode.API_KEY, Mode.OAUTH),
        env_key="ANTHROPIC_API_KEY",
        website="https://console.anthropic.com/settings/keys",
        scopes=_IDENTITY,
        hosts=("api.anthropic.com",),
        headers=("x-api-key: {secret}", "anthropic-version: 2023-06-01"),
        validate=LiveTest("GET", "https://api.anthropic.com/v1/models"),
    ),
    ProviderMetadata(
        name="gemini",
        label="Google Gemini",
        description="Google Gemini API",
        modes=(Mode.OAUTH, Mode.API_KEY),
        env_key="GOOGLE_API_KEY",
        website="https://ai.google.dev/",
        oauth_endpoint=OAuthEndpoint(
            auth_url="https://accounts.google.com/o/oauth2/v2/auth",
            token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - a place, no secret
            scopes=(*_IDENTITY, "https://www.googleapis.com/auth/cloud-platform"),
        ),
        hosts=("generativelanguage.googleapis.com",),
        headers=("x-goog-api-key: {secret}",),
        validate=LiveTest("GET", "https://generativelanguage.googleapis.com/v1beta/models"),
    ),
    ProviderMetadata(
        name="groq",
        label="Groq",
        description="Groq API (fast inference)",
        modes=(Mode.API_KEY,),
        env_key="GROQ_API_KEY",
        website="https://console.groq.com/keys",
        hosts=("api.groq.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.groq.com/openai/v1/models"),
    ),
    ProviderMetadata(
        name="mistral",
        label="Mistral AI",
        description="Mistral AI API",
        modes=(Mode.API_KEY,),
        env_key="MISTRAL_API_KEY",
        website="https://console.mistral.ai/api-keys/",
        hosts=("api.mistral.ai",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.mistral.ai/v1/models"),
    ),
    ProviderMetadata(
        name="cohere",
        label="Cohere",
        description="Cohere API",
        modes=(Mode.API_KEY,),
        env_key="COHERE_API_KEY",
        website="https://dashboard.cohere.com/api-keys",
        hosts=("api.cohere.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.cohere.com/v1/models"),
    ),
    ProviderMetadata(
        name="xai",
        label="xAI",
        description="xAI API (Grok)",
        modes=(Mode.API_KEY,),
        env_key="XAI_API_KEY",
        website="https://console.x.ai/",
        hosts=("api.x.ai",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.x.ai/v1/models"),
    ),
    ProviderMetadata(
        name="deepseek",
        label="DeepSeek",
        description="DeepSeek API",
        modes=(Mode.API_KEY,),
        env_key="DEEPSEEK_API_KEY",
        website="https://platform.deepseek.com/api_keys",
        hosts=("api.deepseek.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.deepseek.com/models"),
    ),
    ProviderMetadata(
        name="qwen",
        label="Qwen (Alibaba)",
        description="Qwen API (Alibaba Cloud)",
        modes=(Mode.OAUTH, Mode.API_KEY),
        env_key="QWEN_API_KEY",
        website="https://dashscope.aliyun.com/",
        oauth_endpoint=OAuthEndpoint(scopes=_IDENTITY),
        hosts=("dashscope.aliyuncs.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://dashscope.aliyuncs.com/compatible-mode/v1/models"),
    ),
    ProviderMetadata(
        name="minimax",
        label="MiniMax",
        description="MiniMax API",
        modes=(Mode.OAUTH, Mode.API_KEY),
        env_key="MINIMAX_API_KEY",
        website="https://www.minimaxi.com/",
        oauth_endpoint=OAuthEndpoint(scopes=_IDENTITY),
        hosts=("api.minimaxi.com",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://api.minimaxi.com/v1/models"),
    ),
)
"""Those whose models are asked with a key. Of one that has several regions, each with keys of its own, the one that
its website serves; `providers.d` takes the others."""

TOKENS: Final = (
    ProviderMetadata(
        name="github",
        label="GitHub",
        description="GitHub: git, API and packages, by personal access token",
        modes=(Mode.TOKEN,),
        env_key="GITHUB_TOKEN",
        website="https://github.com/settings/tokens",
        hosts=("github.com", "api.github.com", "ghcr.io"),
        headers=(BEARER,),
        username="x-access-token",
        validate=LiveTest("GET", "https://api.github.com/user"),
    ),
    ProviderMetadata(
        name="gitlab",
        label="GitLab",
        description="GitLab.com: git, API and registry, by personal access token",
        modes=(Mode.TOKEN,),
        env_key="GITLAB_TOKEN",
        website="https://gitlab.com/-/user_settings/personal_access_tokens",
        hosts=("gitlab.com", "registry.gitlab.com"),
        headers=("PRIVATE-TOKEN: {secret}",),
        username="oauth2",
        validate=LiveTest("GET", "https://gitlab.com/api/v4/user"),
    ),
    ProviderMetadata(
        name="docker",
        label="Docker Hub",
        description="Docker Hub, by personal access token",
        modes=(Mode.TOKEN,),
        website="https://app.docker.com/settings/personal-access-tokens",
        hosts=("index.docker.io", "registry-1.docker.io", "docker.io"),
    ),
    ProviderMetadata(
        name="npm",
        label="npm",
        description="The npm registry, by access token",
        modes=(Mode.TOKEN,),
        env_key="NPM_TOKEN",
        website="https://docs.npmjs.com/about-access-tokens",
        hosts=("registry.npmjs.org",),
        headers=(BEARER,),
        validate=LiveTest("GET", "https://registry.npmjs.org/-/whoami"),
    ),
    ProviderMetadata(
        name="pypi",
        label="PyPI",
        description="Uploads to the Python Package Index, by API token",
        modes=(Mode.TOKEN,),
        env_key="TWINE_PASSWORD",
        website="https://pypi.org/manage/account/token/",
        hosts=("upload.pypi.org",),
        username="__token__",
    ),
)
"""Those that tools of developers are told a token of."""

WRITTEN: Final = (
    ProviderMetadata(
        name="access-key",
        label="Access key",
        description="Tokens that an access key is traded for; written in config.toml",
        modes=(Mode.MINTED,),
    ),
    ProviderMetadata(
        name="aws-codecommit",
        label="AWS CodeCommit",
        description="Passwords for AWS CodeCommit repositories; written in config.toml",
        modes=(Mode.MINTED,),
        website="https://docs.aws.amazon.com/codecommit/",
    ),
    ProviderMetadata(
        name="aws-ecr",
        label="Amazon ECR",
        description="Passwords for Amazon ECR registries; written in config.toml",
        modes=(Mode.MINTED,),
        website="https://docs.aws.amazon.com/ecr/",
    ),
    ProviderMetadata(
        name="aws-eks",
        label="Amazon EKS",
        description="Tokens for Amazon EKS clusters; written in config.toml",
        modes=(Mode.MINTED,),
        website="https://docs.aws.amazon.com/eks/",
    ),
    ProviderMetadata(
        name="github-app",
        label="GitHub App",
        description="Installation tokens of a GitHub App; written in config.toml",
        modes=(Mode.MINTED,),
        website="https://github.com/settings/apps",
        username="x-access-token",
    ),
    ProviderMetadata(
        name="static",
        label="Static secret",
        description="A secret that is there already, for one place; written in config.toml",
        modes=(Mode.STATIC,),
    ),
)
"""Those whose profiles a person writes in `config.toml`; where their secrets may go is said there."""

BUILT_IN: Final = catalog_of((*AI, *TOKENS, *WRITTEN))
"""All of them."""
