"""`keywright token --auto PROVIDER`: a provider's secret, wherever it is.

    $ keywright token --auto openai
    keywright: openai: from the environment variable OPENAI_API_KEY
    sk-…

The variable that the provider's own tools read comes first, then its profiles in their order, as for `keywright
resolve`. A profile that is named, `openai:work`, comes before both: it is asked, and nothing else.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from keywright.credential import Credential
from keywright.errors import CredentialNotFound
from keywright.manage.resolve.answer import Resolving, plain
from keywright.profiles.custom import load_catalog, locate
from keywright.profiles.resolution import Resolution
from keywright.secret import Secret


def secret_of(provider: str, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]) -> bytes:
    """Return the secret without a line break; `say` is told what it is not obvious to have come from.

    Raises:
        ProfileNotFound: there is no such provider, or none of its profiles gives anything.
        CredentialNotFound: neither its variable nor a profile is there.
        Refused: the secret holds characters that do not fit on one line.
        ConfigurationError: the settings, or a provider's file, are wrong.
        Busy: it took longer than a call may.
    """
    metadata = load_catalog(locate(env)).get(provider)
    variable = metadata.env_key
    value = env.get(variable, "") if variable else ""
    if value:
        say(f"{metadata.name}: from the environment variable {variable}")
        return plain(Resolution(metadata.name, credential=Credential(secret=Secret(value), issued_at=now())))
    found = Resolving(env, now, say).one(metadata.name)
    if found.error is not None and not found.attempted and found.error.caused_by is None:
        lacking = f"{variable} is not set, and there is no profile" if variable else "there is no profile"
        choices = [*([f"set {variable}"] if variable else []), f"run `keywright profile add {metadata.name}`"]
        raise CredentialNotFound(f"no credential for {metadata.name}: {lacking}", mend=", or ".join(choices))
    if found.error is not None:
        raise found.error
    if found.told:
        say(found.told)
    return plain(found)
