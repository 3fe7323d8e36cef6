"""Which profiles serve which request, as a table; above all, which do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.errors import CredentialNotFound, ProviderNotFound, UsageError
from keywright.request import Client, Request, Url, Verb, parse_url
from keywright.routes import WELL_KNOWN_CODECOMMIT, WELL_KNOWN_ECR, choice_for, matches
from keywright.settings.model import EcrOptions, EksOptions, GithubAppOptions, Profile, Route, Settings
from keywright.settings.values import parse_pattern

GIT, DOCKER, KUBE = Client.GIT, Client.DOCKER, Client.KUBE
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def profile_of(name: str) -> Profile:
    provider = name.partition(":")[0]
    if provider == "aws-eks":
        return Profile(id=name, options=EksOptions(cluster="prod", region="eu-central-1"))
    if provider == "aws-ecr":
        return Profile(id=name, options=EcrOptions())
    return Profile(id=name, options=GithubAppOptions(app_id="1", private_key="/k", owner="acme"))


def route_of(client: Client, url: str, *profiles: str) -> Route:
    pattern = parse_pattern(client, url)
    assert pattern is not None
    return Route(client=client, url=pattern, profiles=profiles)


def settings_of(*routes: Route) -> Settings:
    names = {name for route in routes for name in route.profiles}
    return Settings(
        source="/c.toml", stamp="-", profiles={name: profile_of(name) for name in names}, routes=tuple(routes)
    )


def ask(client: Client, url: str) -> Request:
    place = parse_url(url)
    assert place is not None, url
    return Request(client=client, verb=Verb.GET, url=place, asked=url)


def served(settings: Settings, client: Client, url: str) -> list[str]:
    """Return the ids of the profiles that serve it; none if it is not ours."""
    try:
        return [profile.id for profile in choice_for(settings, ask(client, url)).profiles]
    except CredentialNotFound:
        return []


# --- one route, one request -----------------------------------------------------------------------------------------

APP, EKS, REGISTRY = "github-app:acme", "aws-eks:prod", "aws-ecr:prod"


@pytest.mark.parametrize(
    ("pattern", "url", "is_served"),
    [
        # hosts are compared whole
        ("https://github.com", "https://github.com", True),
        ("https://github.com", "https://github.com/any/thing", True),
        ("https://github.com", "https://GitHub.COM", True),
        ("https://github.com", "https://github.com.", True),
        ("https://github.com", "https://github.com:443", True),
        ("https://github.com", "https://github.com:8443", False),
        ("https://github.com:8443", "https://github.com:8443", True),
        ("https://github.com:8443", "https://github.com", False),
        ("https://github.com", "https://evilgithub.com", False),
        ("https://github.com", "https://github.com.evil", False),
        ("https://github.com", "https://github.com.evil.com/github.com", False),
        ("https://github.com", "https://evil.com/github.com", False),
        ("https://github.com", "https://api.github.com", False),
        ("https://github.com", "https://githubxcom", False),
        ("https://github.com", "https://gist.github.com", False),
        ("https://10.0.0.1", "https://10.0.0.10", False),
        # schemes count
        ("https://github.com", "http://github.com", False),
        ("https://localhost:3000", "http://localhost:3000", False),
        ("http://localhost:3000", "http://localhost:3000", True),
        ("http://localhost:3000", "https://localhost:3000", False),
        ("http://localhost:3000", "http://localhost:3001", False),
        ("https://github.com", "ssh://github.com", False),
        # owners are compared whole, and on GitHub without regard to case
        ("https://github.com/acme", "https://github.com/acme", True),
        ("https://github.com/acme", "https://github.com/acme/web", True),
        ("https://github.com/acme", "https://github.com/ACME/Web", True),
        ("https://github.com/Acme", "https://github.com/acme/web", True),
        ("https://github.com/acme", "https://github.com/acme-evil/web", False),
        ("https://github.com/acme", "https://github.com/acm", False),
        ("https://github.com/acme", "https://github.com/evil/acme", False),
        ("https://github.com/acme", "https://github.com", False),
        ("https://github.com/acme", "https://github.com/acm%C3%A9", False),
        ("https://github.com/kube", "https://github.com/%E2%84%AAube", False),
        ("https://github.com/acme/web", "https://github.com/acme/web", True),
        ("https://github.com/acme/web", "https://github.com/acme/website", False),
        ("https://github.com/acme/web", "https://github.com/acme", False),
        ("https://github.com/acme/web.git", "https://github.com/acme/web", True),
        # a star is one whole label
        ("https://*.example.com", "https://git.example.com", True),
        ("https://*.example.com", "https://g-i_t9.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "https://a.b.example.com", False),
        ("https://*.example.com", "https://git.example.com.evil", False),
        ("https://*.example.com", "https://git.example.com:8443", False),
        ("https://*.example.com", "https://gitxexample.com", False),
        ("https://*.example.com:8443", "https://git.example.com:8443", True),
        ("https://*.example.com:8443", "https://git.example.com", False),
        ("https://*:8443", "https://localhost:8443", True),
        ("https://*:8443", "https://git.example.com:8443", False),
        ("https://*.*.example.com", "https://a.b.example.com", True),
        ("https://git.*.example.com", "https://git.eu.example.com", True),
        ("https://git.*.example.com", "https://evil.eu.example.com", False),
        ("https://*", "https://[::1]", False),
    ],
)
def test_a_route_for_git(pattern: str, url: str, is_served: bool) -> None:
    assert served(settings_of(route_of(GIT, pattern, APP)), GIT, url) == ([APP] if is_served else [])


@pytest.mark.parametrize(
    ("pattern", "url", "is_served"),
    [
        ("https://10.0.0.1:6443", "https://10.0.0.1:6443", True),
        ("https://10.0.0.1:6443", "https://10.0.0.1", False),
        ("https://10.0.0.1:6443", "https://10.0.0.2:6443", False),
        ("https://*.eks.amazonaws.com", "https://abc.eks.amazonaws.com", True),
        ("https://host/Cluster", "https://host/cluster", False),
        ("https://host/Cluster", "https://host/Cluster", True),
    ],
)
def test_a_route_for_kube(pattern: str, url: str, is_served: bool) -> None:
    assert served(settings_of(route_of(KUBE, pattern, EKS)), KUBE, url) == ([EKS] if is_served else [])


@pytest.mark.parametrize(
    ("pattern", "url", "is_served"),
    [
        # docker names bare hosts, and people write either
        ("ghcr.io", "ghcr.io", True),
        ("ghcr.io", "https://ghcr.io", True),
        ("https://ghcr.io", "ghcr.io", True),
        ("https://ghcr.io", "https://ghcr.io", True),
        ("ghcr.io", "ghcr.io:443", True),
        ("ghcr.io:443", "ghcr.io", True),
        ("ghcr.io:443", "https://ghcr.io", True),
        ("https://ghcr.io:443", "ghcr.io:443", True),
        ("ghcr.io", "ghcr.io:5000", False),
        ("ghcr.io:5000", "ghcr.io", False),
        ("ghcr.io:5000", "https://ghcr.io:5000", True),
        ("ghcr.io", "GHCR.io.", True),
        ("ghcr.io", "ghcr.io.evil", False),
        ("ghcr.io", "evil-ghcr.io", False),
        ("*.example.com", "registry.example.com", True),
        ("*.example.com", "registry.example.com:443", True),
        ("*.example.com", "a.b.example.com", False),
        # http is for loopback alone, and only where a route says so or leaves it open
        ("ghcr.io", "http://ghcr.io", False),
        ("https://ghcr.io", "http://ghcr.io", False),
        ("*.example.com", "http://registry.example.com", False),
        ("http://localhost:5000", "http://localhost:5000", True),
        ("http://localhost:5000", "localhost:5000", True),
        ("http://localhost:5000", "https://localhost:5000", False),
        ("https://localhost:5000", "http://localhost:5000", False),
        ("localhost:5000", "http://localhost:5000", True),
        ("localhost:5000", "http://localhost.evil.com:5000", False),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", True),
        # paths
        ("ghcr.io/acme", "ghcr.io/acme/web", True),
        ("ghcr.io/acme", "ghcr.io/acme-evil", False),
        ("ghcr.io/acme", "ghcr.io", False),
        # Docker Hub's own tokens are not passwords
        ("index.docker.io", "https://index.docker.io/v1/", True),
        ("index.docker.io", "https://index.docker.io", True),
        ("index.docker.io", "index.docker.io", True),
        ("https://index.docker.io/v1", "https://index.docker.io/v1/", True),
        ("https://index.docker.io/v1", "https://index.docker.io/v1/access-token", False),
        ("https://index.docker.io/v1", "https://index.docker.io/v1/refresh-token", False),
        ("index.docker.io", "https://index.docker.io/v1/access-token", False),
        ("index.docker.io", "https://index.docker.io:443/v1/refresh-token", False),
        ("*.docker.io", "https://index.docker.io/v1/access-token", False),
        ("https://index.docker.io/v1/access-token", "https://index.docker.io/v1/access-token", False),
    ],
)
def test_a_route_for_docker(pattern: str, url: str, is_served: bool) -> None:
    assert served(settings_of(route_of(DOCKER, pattern, REGISTRY)), DOCKER, url) == ([REGISTRY] if is_served else [])


@pytest.mark.parametrize("client", [GIT, DOCKER, KUBE])
def test_a_route_is_for_one_client(client: Client) -> None:
    settings = settings_of(route_of(client, "https://github.com", APP))
    assert [other for other in (GIT, DOCKER, KUBE) if served(settings, other, "https://github.com")] == [client]


@pytest.mark.parametrize(
    ("pattern", "profile", "is_served"),
    [
        ("https://ghe.example.com/Acme", "github-app:acme", True),
        ("https://git.example.com/Acme", "aws-ecr:prod", False),
        ("https://github.com/Acme", "aws-ecr:prod", True),
    ],
)
def test_case_counts_except_on_github_wherever_it_stands(pattern: str, profile: str, is_served: bool) -> None:
    settings = settings_of(route_of(GIT, pattern, profile))
    assert bool(served(settings, GIT, pattern.replace("Acme", "acme"))) is is_served
    assert served(settings, GIT, pattern) == [profile]


HOSTS = st.from_regex(r"(?:[a-z0-9_-]{1,3}\.){0,3}[a-z0-9_-]{1,3}", fullmatch=True)


@given(HOSTS, HOSTS)
def test_a_host_without_stars_serves_itself_alone(one: str, other: str) -> None:
    route = Route(client=GIT, url=Url(scheme="https", host=one), profiles=(APP,))
    assert matches(route, Url(scheme="https", host=other)) is (one == other)
    assert matches(route, Url(scheme="https", host=one))


@given(HOSTS, HOSTS)
def test_a_star_never_stands_for_a_dot(suffix: str, label: str) -> None:
    route = Route(client=GIT, url=Url(scheme="https", host=f"*.{suffix}"), profiles=(APP,))
    assert matches(route, Url(scheme="https", host=f"{label}.{suffix}")) is ("." not in label)


# --- several routes -------------------------------------------------------------------------------------------------

MANY = [
    route_of(GIT, "https://*.com", "github-app:star"),
    route_of(GIT, "https://github.com", "github-app:host"),
    route_of(GIT, "https://github.com/acme", "github-app:owner", "github-app:second"),
    route_of(GIT, "https://github.com/acme/web", "github-app:repository"),
    route_of(GIT, "https://*.com/acme/web", "github-app:star-repository"),
]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://gitlab.com", ["github-app:star"]),
        ("https://github.com", ["github-app:host"]),
        ("https://github.com/other", ["github-app:host"]),
        ("https://github.com/acme", ["github-app:owner", "github-app:second"]),
        ("https://github.com/acme/api", ["github-app:owner", "github-app:second"]),
        ("https://github.com/acme/web", ["github-app:repository"]),
        ("https://github.com/acme/web/info", ["github-app:repository"]),
        ("https://gitlab.com/acme/web", ["github-app:star-repository"]),
        ("https://github.org", []),
    ],
)
@pytest.mark.parametrize("turn", range(5))
def test_the_route_that_says_most_wins_whatever_the_order(url: str, expected: list[str], turn: int) -> None:
    for routes in (MANY[turn:] + MANY[:turn], MANY[turn::-1] + MANY[:turn:-1]):
        assert len(routes) == len(MANY)
        assert served(settings_of(*routes), GIT, url) == expected


def test_of_equals_the_first_one_wins() -> None:
    one, other = (route_of(GIT, "https://github.com/acme", name) for name in ("github-app:one", "github-app:other"))
    assert served(settings_of(one, other), GIT, "https://github.com/acme") == ["github-app:one"]
    assert served(settings_of(other, one), GIT, "https://github.com/acme") == ["github-app:other"]


# --- what needs no route --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "url", "is_served"),
    [
        (DOCKER, ECR, True),
        (DOCKER, f"https://{ECR}", True),
        (DOCKER, f"https://{ECR}/web", True),
        (DOCKER, f"https://{ECR}:443", True),
        (DOCKER, "public.ecr.aws", True),
        (DOCKER, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", True),
        (DOCKER, f"http://{ECR}", False),
        (DOCKER, f"{ECR}:8443", False),
        (DOCKER, f"{ECR}.evil.com", False),
        (DOCKER, f"evil.{ECR}", False),
        (DOCKER, ECR.replace("123456789012", "12345678901"), False),
        (DOCKER, ECR.replace("eu-central-1", "evil"), False),
        (DOCKER, ECR.replace("amazonaws.com", "amazonaws.com.cn"), False),
        (DOCKER, "public.ecr.aws.evil.com", False),
        (DOCKER, "ghcr.io", False),
        (DOCKER, "https://index.docker.io/v1/", False),
        (GIT, f"https://{ECR}", False),
        (GIT, "https://github.com", False),
        (KUBE, f"https://{ECR}", False),
    ],
)
def test_a_well_known_host_needs_no_route(client: Client, url: str, is_served: bool) -> None:
    assert served(settings_of(), client, url) == ([WELL_KNOWN_ECR.id] if is_served else [])


def test_a_route_goes_before_what_is_well_known() -> None:
    settings = settings_of(route_of(DOCKER, "*.dkr.ecr.eu-central-1.amazonaws.com", REGISTRY))
    assert served(settings, DOCKER, ECR) == [REGISTRY]
    assert served(settings, DOCKER, ECR.replace("eu-central-1", "us-east-1")) == [WELL_KNOWN_ECR.id]


# --- what is asked for by name --------------------------------------------------------------------------------------


def by_name(**what: object) -> Request:
    return Request(client=Client.PERSON, verb=Verb.GET, **what)  # type: ignore[arg-type]  # each test gives its own


def test_a_profile_asked_for_by_name_is_the_one() -> None:
    settings = settings_of(route_of(GIT, "https://github.com", APP))
    url = parse_url("https://elsewhere.example")
    assert choice_for(settings, by_name(profile=APP, url=url)).profiles == (profile_of(APP),)


def test_the_well_known_profile_has_a_name_and_can_be_set() -> None:
    assert choice_for(settings_of(), by_name(profile="aws-ecr:default")).profiles == (WELL_KNOWN_ECR,)
    own = Profile(id="aws-ecr:default", options=EcrOptions(aws_profile="prod"))
    settings = Settings(source="/c.toml", stamp="-", profiles={own.id: own})
    assert choice_for(settings, by_name(profile="aws-ecr:default")).profiles == (own,)


@pytest.mark.parametrize("name", ["aws-session:ci", "aws-session:default", "access-key:x", "static:x"])
def test_what_only_the_settings_can_name_is_never_looked_for_in_the_vault(name: str) -> None:
    with pytest.raises(ProviderNotFound, match=f"there is no profile `{name}`"):
        choice_for(settings_of(), by_name(profile=name))


CODECOMMIT = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"


def test_codecommit_needs_no_route_and_a_route_comes_before() -> None:
    assert choice_for(settings_of(), ask(GIT, CODECOMMIT)).profiles == (WELL_KNOWN_CODECOMMIT,)
    assert choice_for(settings_of(), by_name(profile="aws-codecommit:default")).profiles == (WELL_KNOWN_CODECOMMIT,)
    own = settings_of(route_of(GIT, "https://*.eu-west-1.amazonaws.com", APP))
    assert choice_for(own, ask(GIT, CODECOMMIT)).profiles == (profile_of(APP),)


@pytest.mark.parametrize(
    ("client", "url"),
    [
        (GIT, CODECOMMIT.replace("https", "http")),
        (GIT, CODECOMMIT.replace("amazonaws.com", "amazonaws.com.evil.example")),
        (GIT, CODECOMMIT.replace("amazonaws.com", "amazonaws.com:8443")),
        (DOCKER, CODECOMMIT),
        (KUBE, CODECOMMIT),
    ],
)
def test_nothing_but_git_over_https_to_the_very_host_is_codecommit(client: Client, url: str) -> None:
    with pytest.raises(CredentialNotFound):
        choice_for(settings_of(), ask(client, url))


def test_an_unknown_profile_is_told_with_the_known_ones() -> None:
    settings = settings_of(route_of(GIT, "https://github.com", "github-app:b", "github-app:a"))
    with pytest.raises(ProviderNotFound) as raised:
        choice_for(settings, by_name(profile="github-app:c"))
    assert str(raised.value) == "there is no profile `github-app:c`; /c.toml has: github-app:a, github-app:b"
    with pytest.raises(ProviderNotFound, match=r"/c\.toml has: none"):
        choice_for(settings_of(), by_name(profile="github-app:c"))


def test_a_provider_asked_for_on_the_command_line_is_a_profile_of_its_own() -> None:
    options = {"cluster": "prod", "region": "eu-central-1", "role_arn": "arn:aws:iam::1:role/a"}
    request = Request(client=KUBE, verb=Verb.GET, provider="aws-eks", options=options)
    expected = EksOptions(cluster="prod", region="eu-central-1", role_arn="arn:aws:iam::1:role/a")
    assert choice_for(settings_of(), request).profiles == (Profile(id="aws-eks:prod", options=expected),)


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("aws-eks", {"cluster": "prod"}),
        ("aws-eks", None),
        ("aws-eks", {"cluster": "prod", "region": "x", "colour": "blue"}),
        ("azure", {}),
    ],
)
def test_settings_on_the_command_line_that_are_not_complete(provider: str, options: dict[str, object] | None) -> None:
    with pytest.raises(UsageError, match=f"the settings given for `{provider}` are not complete"):
        choice_for(settings_of(), by_name(provider=provider, options=options))


def test_a_request_without_a_place_is_not_ours() -> None:
    with pytest.raises(CredentialNotFound, match="names no place"):
        choice_for(settings_of(), by_name())


# --- the hint -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "client", "url", "command"),
    [
        ("https://github.com/acme", GIT, "https://github.com", "credential.https://github.com.useHttpPath"),
        (
            "https://*.example.com/acme",
            GIT,
            "https://git.example.com",
            "credential.https://git.example.com.useHttpPath",
        ),
        ("https://ghe:8443/acme", GIT, "https://ghe:8443", "credential.https://ghe:8443.useHttpPath"),
        ("http://localhost:3000/a", GIT, "http://localhost:3000", "credential.http://localhost:3000.useHttpPath"),
        ("https://github.com/acme", GIT, "https://github.com/other", ""),
        ("https://github.com/acme", GIT, "https://gitlab.com", ""),
        ("https://github.com/acme", GIT, "https://github.com:8443", ""),
        ("https://github.com/acme", GIT, "http://github.com", ""),
        ("https://github.com/acme", DOCKER, "https://github.com", ""),
        ("https://github.com/acme", KUBE, "https://github.com", ""),
    ],
)
def test_the_hint_about_paths_is_given_where_it_helps(pattern: str, client: Client, url: str, command: str) -> None:
    with pytest.raises(CredentialNotFound) as raised:
        choice_for(settings_of(route_of(GIT, pattern, APP)), ask(client, url))
    expected = f"its routes go by path: run `git config --global {command} true`" if command else ""
    assert raised.value.mend == expected


def test_another_clients_route_is_no_ground_for_the_hint() -> None:
    with pytest.raises(CredentialNotFound) as raised:
        choice_for(settings_of(route_of(DOCKER, "https://github.com/acme", REGISTRY)), ask(GIT, "https://github.com"))
    assert raised.value.mend == ""
