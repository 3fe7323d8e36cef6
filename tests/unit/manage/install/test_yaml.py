"""YAML for people."""

import pytest

from keywright.manage.install.yaml import as_yaml


def test_it_is_laid_out_as_kubectl_does() -> None:
    document = {"users": [{"name": "me", "user": {"exec": {"args": ["a"], "env": None}}}], "kind": "Config", "x": []}
    assert as_yaml(document) == [
        "kind: Config",
        "users:",
        "- name: me",
        "  user:",
        "    exec:",
        "      args:",
        "      - a",
        "      env: null",
        "x: []",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("arn:aws:eks:eu-central-1:1:cluster/prod", "arn:aws:eks:eu-central-1:1:cluster/prod"),
        ("a: b", '"a: b"'),
        ("true", '"true"'),
        ("1.24", '"1.24"'),
        ("--flag", '"--flag"'),
        ("", '""'),
        ("line\nbreak", '"line\\nbreak"'),
        (False, "false"),
    ],
)
def test_a_text_that_is_not_bare_is_quoted(value: object, shown: str) -> None:
    assert as_yaml({"k": value}) == [f"k: {shown}"]
