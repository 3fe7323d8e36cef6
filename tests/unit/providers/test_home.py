import os
import pwd

import pytest

from keywright.providers.home import expand, home

ME = pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("~", "/h/me"),
        ("~/keys/app.pem", "/h/me/keys/app.pem"),
        ("/etc/app.pem", "/etc/app.pem"),
        ("/etc/./x/../app.pem", "/etc/app.pem"),
        ("/etc/~/app.pem", "/etc/~/app.pem"),
    ],
)
def test_a_tilde_is_the_callers_home(path: str, expanded: str) -> None:
    assert expand(path, {"HOME": "/h/me"}) == expanded


def test_another_users_home_is_where_the_password_database_says() -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    assert expand(f"~{name}/.aws/config", {"HOME": "/h/me"}) == os.path.join(ME, ".aws/config")


def test_a_relative_path_is_taken_from_the_current_folder() -> None:
    assert expand("app.pem", {"HOME": "/h/me"}) == os.path.abspath("app.pem")


@pytest.mark.parametrize("env", [{}, {"HOME": ""}])
def test_without_home_the_password_database_knows(env: dict[str, str]) -> None:
    assert home(env) == ME
    assert expand("~/x", env) == os.path.join(ME, "x")
