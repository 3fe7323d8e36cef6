import json
from datetime import timedelta

import pytest

from fakes.asking import Clock, ask
from keywright.demo.pod_identity import ROUTE, PodIdentityAgent


def test_botocore_finds_the_key_by_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    with PodIdentityAgent() as agent:
        for name, value in agent.variables.items():
            monkeypatch.setenv(name, value)
        credentials = botocore.session.Session().get_credentials()
        assert credentials is not None
        found = credentials.get_frozen_credentials()
        (key,) = agent.keys
        assert (found.access_key, found.secret_key, found.token) == (key.id, key.secret, key.session_token)
        assert agent.total == 1


def test_every_call_gets_another_key_that_lives_as_long_as_was_set(clock: Clock) -> None:
    with PodIdentityAgent(clock=clock) as agent:
        agent.lifetime = timedelta(minutes=20)
        token = agent.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        answers = [json.loads(ask(agent, ROUTE, headers={"Authorization": token}).body) for _ in range(2)]
    assert answers[0]["AccessKeyId"] != answers[1]["AccessKeyId"]
    assert [key.id for key in agent.keys] == [answer["AccessKeyId"] for answer in answers]
    assert answers[0]["Expiration"] == (clock() + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "wrong"}])
def test_who_does_not_know_the_token_gets_nothing(clock: Clock, headers: dict[str, str]) -> None:
    with PodIdentityAgent(clock=clock) as agent:
        assert ask(agent, ROUTE, headers=headers).status == 401
        assert agent.keys == ()
