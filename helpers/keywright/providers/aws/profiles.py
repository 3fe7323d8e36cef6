"""Whether AWS lends a session to whoever acts as an AWS profile: read from the AWS files, without importing botocore.

Only a hint, for the question whether the session is worth an entry of its own. What botocore then finds decides: keys
that live long are never kept, whatever stands here. And who simply has keys pays nothing for other people's roles.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from keywright.errors import UsageError
from keywright.freshness import NOTHING
from keywright.providers.aws import environment
from keywright.providers.aws.environment import Identity
from keywright.providers.base import Parent
from keywright.settings.model import AwsOptions, Profile, SessionOptions

_LENT: Final = ("role_arn", "web_identity_token_file", "sso_account_id", "sso_role_name")


def parent_of(options: AwsOptions, region: str, env: Mapping[str, str], lifetime: timedelta = NOTHING) -> Parent | None:
    """Return the session that credentials of these options are made with; None where none is lent.

    Args:
        options: the child's, which name the identity.
        region: whose STS to ask.
        env: the caller's environment.
        lifetime: how long the child lives if its session does; 0 for one that outlives it.
    """
    identity = Identity.of(options)
    if not is_lent_session(identity, env):
        return None
    from keywright.providers.aws.role_session import SessionProvider

    own = _own(options)
    profile = _named(own, env)
    provider = SessionProvider(profile=profile.id, options=own, region=region, env=env)
    return Parent(profile=profile, provider=provider, lifetime=lifetime)


def session_of(profile: Profile, env: Mapping[str, str]) -> Profile:
    """Return the profile of the session that an AWS profile acts with: the very one that its credentials are made with.

    Raises:
        UsageError: it is no AWS profile.
    """
    if not isinstance(profile.options, AwsOptions):
        raise UsageError(f"{profile.id} is no AWS profile", mend="name one that is, or aws-ecr:default")
    return _named(_own(profile.options), env)


def _own(options: AwsOptions) -> SessionOptions:
    return SessionOptions(**{name: getattr(options, name) for name in SessionOptions._fields})


def _named(options: SessionOptions, env: Mapping[str, str]) -> Profile:
    from keywright.providers.aws.role_session import NAME

    identity = Identity.of(options)
    name = identity.role_arn.rpartition("/")[2] or identity.profile_name(env)
    return Profile(id=f"{NAME}:{name}", options=options)


def is_lent_session(identity: Identity, env: Mapping[str, str]) -> bool:
    """Return whether `identity` acts with a session that STS or SSO lends it, as far as its settings tell.

    Keys in the environment come first, as they do to botocore: who has them is lent nothing, unless a role of our own
    settings is assumed with them. Files that cannot be read say nothing: whoever fetches will say what is wrong.
    """
    if identity.role_arn:
        return True
    if not identity.aws_profile:
        if env.get("AWS_ACCESS_KEY_ID"):
            return False
        if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return True
    profile = _read(identity.profile_name(env), env)
    return any(key in profile for key in _LENT)


def _read(name: str, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return what the two files say of the profile; the credentials file adds to the config file."""
    import configparser

    found: dict[str, str] = {}
    for path, prefix in ((environment.config_path(env), "profile"), (environment.credentials_path(env), "")):
        parser = configparser.RawConfigParser(default_section="")  # no section is special: none has an empty name
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, ValueError, OSError):
            continue
        for section in parser.sections():
            if _profile_named(section, prefix) == name:
                found |= dict(parser.items(section))
    return found


def _profile_named(section: str, prefix: str) -> str:
    """Return the profile that a section is about: `[profile NAME]` in the config file, `[default]` in both."""
    if not prefix or section == "default":
        return section
    import shlex

    try:
        words = shlex.split(section)
    except ValueError:
        return ""
    return words[1] if len(words) == 2 and words[0] == prefix else ""  # noqa: PLR2004 - the word and the name
