r"""The password that AWS CodeCommit takes over HTTPS: a signature for one repository, made on this machine.

CodeCommit checks it as it checks every signed request (AWS Signature Version 4), but for a request that nobody sends:
the method `GIT`, the repository's path as it stands in the URL, the host without its port, and no line for a payload.
`\n` ends every line but the last:

    GIT
    /v1/repos/rocket
                                                    (no query)
    host:git-codecommit.eu-central-1.amazonaws.com
                                                    (the headers end)
    host

The user name is the access key's id, and for temporary keys `%` and the session token. The password is the instant
and the signature, `20260102T030405Z5d67…`; the instant that is signed has no `Z`. Byte for byte what
`aws codecommit credential-helper get` (aws-cli, awscli/customizations/codecommit.py) makes in the same second. Signed
here by hand, because botocore would cost three times the interpreter's start.
"""

import hmac
from datetime import datetime
from hashlib import sha256

from keywright.providers.aws.packed_keys import Keys


def username_of(keys: Keys) -> str:
    """Return the user name that goes with every password of these keys."""
    return f"{keys.access_key}%{keys.token}" if keys.token else keys.access_key


def git_password(keys: Keys, *, host: str, path: str, region: str, now: datetime) -> str:
    """Return the password for one repository, signed at `now` (aware UTC); CodeCommit takes it for 15 minutes.

    Args:
        keys: whose secret key signs.
        host: the repository's host, without a port.
        path: the repository's path as its URL spells it once decoded, with its leading slash.
        region: the region whose CodeCommit checks it.
        now: to the second.
    """
    instant = now.strftime("%Y%m%dT%H%M%S")
    scope = f"{instant[:8]}/{region}/codecommit/aws4_request"
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n".encode("utf-8", "surrogateescape")
    to_sign = f"AWS4-HMAC-SHA256\n{instant}\n{scope}\n{sha256(canonical).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in (*scope.split("/"), to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{instant}Z{key.hex()}"
