"""`keywright profile test`: what is known of an account here, and what its issuer says of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.canary import TYPED
from fakes.profile_script import Script
from keywright.demo.exchange import Call, Reply
from keywright.demo.issuer import LoopbackServer

GRANT = {"access_token": f"{TYPED}-a", "email": "ann@a.example"}


class Asked(LoopbackServer):
    """A provider that is asked whether a key is good."""

    def __init__(self) -> None:
        super().__init__({"GET /v1/models": self._models})
        self.answer = Reply(status=200)
        self.keys: list[str] = []

    def _models(self, call: Call) -> Reply:
        self.keys.append(call.headers["authorization"] or "")
        return self.answer


@pytest.fixture
def issuer(own: Path) -> Iterator[Asked]:
    with Asked() as server:
        folder = own / "providers.d"
        folder.mkdir(mode=0o700)
        (folder / "acme.toml").write_text(
            f'modes = ["api_key"]\nhosts = ["{server.host}"]\nheader = "Authorization: Bearer {{secret}}"\n'
            f'validate = "GET {server.url}/v1/models"\n'
        )
        yield server


def verdict(profile: Script, *args: str) -> tuple[int, dict[str, Any]]:
    said = profile("test", *args, "--json")
    assert TYPED not in said.stdout + said.stderr
    return said.code, json.loads(said.stdout)


@pytest.mark.parametrize(
    ("expires_at", "code", "told"),
    [
        (None, 0, {"valid": True, "expired": False, "expires_in": None}),
        ("2030-01-01T13:00:00Z", 0, {"valid": True, "expired": False, "expires_in": 3600}),
        ("2030-01-01T12:04:59Z", 1, {"valid": False, "expired": False, "expires_in": 299}),
        ("2030-01-01T11:59:59Z", 1, {"valid": False, "expired": True, "expires_in": -1}),
    ],
)
def test_a_grant_is_judged_by_its_expiry(
    profile: Script, expires_at: str | None, code: int, told: dict[str, Any]
) -> None:
    profile("import", "gemini:a", "--mode", "oauth", stdin=json.dumps({**GRANT, "expires_at": expires_at}))
    assert verdict(profile, "gemini:a") == (
        code,
        {"schema": 1, "success": True, "email": "ann@a.example", "error": "", **told},
    )


def test_a_secret_that_lies_elsewhere_is_looked_for(profile: Script) -> None:
    profile("add", "openai:a", "--key-ref", "vault://GONE")
    code, told = verdict(profile, "openai:a")
    assert (code, told["valid"], told["success"]) == (1, False, True)
    assert "GONE" in told["error"]


def test_nobody_is_told_and_fails(profile: Script) -> None:
    said = profile("test", "openai:nobody", "--json")
    assert json.loads(said.stdout) == {
        "schema": 1,
        "success": False,
        "error": "profile not found: openai:nobody",
        "code": "profile_not_found",
    }
    assert said.code == 1


class TestLive:
    def test_a_good_one_is_asked_about_once_and_its_failures_end(self, profile: Script, issuer: Asked) -> None:
        profile("add", "acme:a", stdin=TYPED)
        profile("report-failure", "acme:a", "--reason", "rate_limit")
        assert verdict(profile, "acme:a", "--live")[0] == 0
        assert issuer.keys == [f"Bearer {TYPED}"]
        assert json.loads(profile("show", "acme:a", "--json").stdout)["usage_stats"]["error_count"] == 0

    @pytest.mark.parametrize("status", [401, 403])
    def test_one_that_is_refused_is_not_good(self, profile: Script, issuer: Asked, status: int) -> None:
        profile("add", "acme:a", stdin=TYPED)
        issuer.answer = Reply(status=status)
        code, told = verdict(profile, "acme:a", "--live")
        assert (code, told["valid"]) == (1, False)
        assert f"answered with status {status}" in told["error"]
        assert json.loads(profile("show", "acme:a", "--json").stdout)["usage_stats"]["failure_counts"] == {"auth": 1}

    @pytest.mark.parametrize(("status", "counts"), [(429, {"rate_limit": 1}), (500, {"timeout": 1})])
    def test_an_issuer_that_says_neither_is_an_error(
        self, profile: Script, issuer: Asked, status: int, counts: dict[str, int]
    ) -> None:
        profile("add", "acme:a", stdin=TYPED)
        issuer.answer = Reply(status=status)
        code, told = verdict(profile, "acme:a", "--live")
        assert (code, told["success"]) == (1, False)
        assert json.loads(profile("show", "acme:a", "--json").stdout)["usage_stats"]["failure_counts"] == counts

    def test_an_issuer_that_is_down_is_an_error(self, profile: Script, issuer: Asked) -> None:
        profile("add", "acme:a", stdin=TYPED)
        issuer.stop()
        assert verdict(profile, "acme:a", "--live")[1]["success"] is False
        shown = json.loads(profile("show", "acme:a", "--json").stdout)
        assert shown["usage_stats"]["failure_counts"] == {"timeout": 1}

    def test_it_goes_to_its_own_hosts_alone(self, profile: Script, issuer: Asked) -> None:
        profile("add", "acme:a", "--host", "api.acme.example", stdin=TYPED)
        said = profile("test", "acme:a", "--live")
        assert said.code == 2
        assert "is for api.acme.example alone" in said.stderr
        assert issuer.keys == []

    @pytest.mark.parametrize(("provider", "secret"), [("docker", TYPED), ("pypi", TYPED)])
    def test_where_nothing_can_be_asked_that_is_told(self, profile: Script, provider: str, secret: str) -> None:
        profile("add", f"{provider}:a", stdin=secret)
        said = profile("test", f"{provider}:a", "--live")
        assert said.code == 2
        assert f"nothing is known of how to test a profile of {provider} live" in said.stderr

    def test_a_disabled_one_is_not_asked_about(self, profile: Script, issuer: Asked) -> None:
        profile("add", "acme:a", "--disabled", stdin=TYPED)
        assert verdict(profile, "acme:a", "--live")[0] == 1
        assert issuer.keys == []
