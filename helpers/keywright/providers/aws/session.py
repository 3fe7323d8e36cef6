"""An AWS account to act for: botocore's credential chain, quiet, bounded in time, and with its inputs known.

botocore finds credentials as the AWS CLI does: environment, profile, SSO, assumed role, web identity, process,
container, instance. Four of its habits do not suit a helper that another program waits for, and are changed here:

* it reads `os.environ` itself, so the caller's environment is put there for the length of a fetch;
* it asks for an MFA code on the terminal, whoever reads there: only a code that was brought along is given;
* it reads boto 2's files (`AWS_CREDENTIAL_FILE`, `~/.boto`), which nothing here could notice changing: left out;
* it logs, with tracebacks and at debug level with bodies: silenced meanwhile.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.utils import create_nested_client

from keywright import __version__
from keywright.credential import Credential
from keywright.errors import ConfigurationError, KeywrightError, Unreachable
from keywright.foreign import silenced, wait_for
from keywright.hit import stamp
from keywright.providers.aws import environment
from keywright.providers.aws.environment import Identity
from keywright.providers.aws.failures import Translator
from keywright.providers.aws.in_place import in_place
from keywright.providers.aws.mfa import Prompter
from keywright.providers.aws.overheard import overhear
from keywright.providers.aws.packed_keys import Keys, unpack
from keywright.providers.base import ALONE, Aid
from keywright.request import parse_url

CONNECT_AT_MOST_S: Final = 5.0
_LATE: Final = "AWS did not answer in time"
_BOTO_2: Final = ("ec2-credentials-file", "boto-config")
_LENT: Final = frozenset({"assume-role", "assume-role-with-web-identity", "sso"})

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Resolved credentials and what decided them.

    Attributes:
        credentials: the access key, secret key and session token, good for now.
        expires_at: when they end (aware), if botocore knows.
        inputs: every file that decided them, by absolute path, stamped before it was read.
        session: the botocore session they came from.
        is_lent: whether STS or SSO lent them for a while.
    """

    credentials: ReadOnlyCredentials
    expires_at: datetime | None
    inputs: Mapping[str, str]
    session: botocore.session.Session
    is_lent: bool = False

    @property
    def keys(self) -> Keys:
        """The same keys, without botocore."""
        found = self.credentials
        return Keys(str(found.access_key), str(found.secret_key), found.token)

    def client(self, service: str, config: Config) -> Any:  # noqa: ANN401 - botocore makes clients' classes as it runs
        """Return a botocore client that acts with these credentials."""
        return create_nested_client(
            self.session,
            service,
            config=config,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            aws_session_token=self.credentials.token,
        )


def act_as(  # noqa: PLR0917 - one call with everything that decides it
    identity: Identity,
    region: str,
    env: Mapping[str, str],
    timeout_s: float,
    work: Callable[[Account], Result],
    aid: Aid = ALONE,
) -> Result:
    """Return what `work` makes of the account `identity` names, all of it within `timeout_s` seconds.

    A session brought along as `aid.parent` is used as it is. Otherwise credentials that are about to end are renewed
    first, where botocore can.

    Raises:
        ConfigurationError: the AWS config does not hold what the settings or the environment name.
        Unavailable: there are no credentials, or none that are usable.
        NeedsPerson: a login or an MFA code is wanted.
        Refused: AWS was asked and said no.
        Unreachable: AWS did not answer in time or not in its own protocol.
    """
    translator = Translator(profile=identity.profile_name(env), config=environment.config_path(env))

    prompter = Prompter(translator.profile, aid.answer)
    inputs = environment.inputs(env)
    is_over = threading.Event()

    def run() -> Result:
        try:
            try:
                with silenced("botocore", "urllib3"):
                    session = _session(identity, region, timeout_s)
                    session.register("before-send", partial(_let_leave, is_over))
                    overhear()
                    if aid.parent is not None:
                        return work(_reopen(session, aid.parent, inputs))
                    return work(_open(session, identity, env, translator, prompter, inputs))
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                raise prompter.explain(translator.translate(error)) from None
        except KeywrightError as error:
            failure = error
        failure.inputs = inputs  # the login that mends it is one of them
        failure.__context__ = None  # botocore's exceptions hold requests and answers, keys among them
        raise failure

    # A service that hangs is none of another's.
    kind = repr((identity.facts(env), region, getattr(work, "__qualname__", "")))
    with in_place(env):
        try:
            return wait_for(run, timeout_s, late=_LATE, kind=kind)
        finally:
            is_over.set()


def _reopen(session: botocore.session.Session, parent: Credential, inputs: Mapping[str, str]) -> Account:
    return Account(
        credentials=ReadOnlyCredentials(*unpack(parent)),
        expires_at=parent.expires_at,
        inputs=inputs,
        session=session,
        is_lent=True,
    )


def _open(  # noqa: PLR0917 - what one call has found out so far
    session: botocore.session.Session,
    identity: Identity,
    env: Mapping[str, str],
    translator: Translator,
    prompter: Prompter,
    inputs: dict[str, str],
) -> Account:
    """Return the account; every file that decides it is added to `inputs` before it is read."""
    inputs |= _profile_inputs(session, translator.profile, env)
    chain = session.get_component("credential_provider")
    for name in _BOTO_2:
        chain.remove(name)
    chain.get_provider("assume-role")._prompter = prompter  # noqa: SLF001 - there is no other way
    try:
        source = session.get_credentials()
        if source is None:
            raise translator.missing()
        credentials = _assume(session, source, identity, prompter) if identity.role_arn else source
        frozen = credentials.get_frozen_credentials()
        if not all(isinstance(part, str) for part in (frozen.access_key, frozen.secret_key, frozen.token or "")):
            raise translator.unusable()
    except (BotoCoreError, ClientError, ResponseParserError):
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError):
        # A file, process or endpoint whose content botocore does not check: bad JSON, a missing field, no such program.
        raise translator.unusable() from None
    expires_at = getattr(credentials, "_expiry_time", None)
    return Account(
        credentials=frozen,
        expires_at=expires_at,
        inputs=inputs,
        session=session,
        is_lent=credentials.method in _LENT and expires_at is not None,
    )


def _session(identity: Identity, region: str, timeout_s: float) -> botocore.session.Session:
    session = botocore.session.Session(profile=identity.aws_profile or None)
    session.set_config_variable("region", region)
    # Off EC2 nothing answers at 169.254.169.254; more patience would only be felt as a hang.
    session.set_config_variable("metadata_service_timeout", 1)
    session.set_config_variable("metadata_service_num_attempts", 1)
    session.set_default_client_config(
        Config(
            connect_timeout=min(timeout_s, CONNECT_AT_MOST_S),
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": 2},
            user_agent_extra=f"keywright/{__version__}",
        )
    )
    return session


def _let_leave(is_over: threading.Event, **event: Any) -> None:  # noqa: ANN401 - botocore's events have no types
    """Stop a signed request about to leave that nobody waits for any more, or whose answer others could read.

    A fetch that was given up goes on in its thread, and finds another's environment, endpoints in it too, in
    `os.environ`. What instances and containers lend their keys by does not come here, and is asked in vain. Answers of
    STS hold keys.
    """
    if is_over.is_set():
        raise Unreachable(_LATE)
    scheme, host = urlsplit(event["request"].url)[:2]
    place = parse_url(f"{scheme}://{host}")
    if place is None or (scheme != "https" and not place.is_loopback):
        raise ConfigurationError("AWS may be asked over https only", mend="see AWS_ENDPOINT_URL and endpoint_url")


def _assume(
    session: botocore.session.Session, source: Credentials, identity: Identity, prompter: Prompter
) -> DeferredRefreshableCredentials:
    wishes = {"RoleSessionName": identity.session_name}
    if identity.external_id:
        wishes["ExternalId"] = identity.external_id
    if identity.mfa_serial:
        wishes["SerialNumber"] = identity.mfa_serial
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(create_nested_client, session),
        source_credentials=source,
        role_arn=identity.role_arn,
        extra_args=wishes,
        mfa_prompter=prompter,
    )
    return DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)


def _profile_inputs(session: botocore.session.Session, name: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the files that the profile and the profiles it builds on name, stamped now."""
    profiles = session.full_config.get("profiles", {})
    paths: list[str] = []
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        profile = profiles.get(name, {})
        if sso := profile.get("sso_session") or profile.get("sso_start_url"):
            paths.append(environment.sso_cache_path(sso, env))
        if token_file := profile.get("web_identity_token_file"):
            paths.append(os.path.abspath(token_file))
        if login := profile.get("login_session"):
            paths.append(environment.login_cache_path(login, env))
        name = profile.get("source_profile", "")
    return {path: stamp(path) for path in paths}
