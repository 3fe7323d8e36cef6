"""AWS CodeCommit as a git client meets it: who may read one repository, by a signature that is computed again.

Written from "Create a signed AWS API request" in the AWS IAM user guide and the request that git-remote-codecommit
signs, not from the code that is tested.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from keywright.demo.sigv4 import AccessKey

AGE_AT_MOST = timedelta(minutes=15)


@dataclass
class CodeCommit:
    """One repository and the access keys that may read it, which may grow.

    Attributes:
        host: as in its URL, without a port.
        path: as in its URL, with its leading slash.
        region: where it is.
        keys: whose passwords count.
    """

    host: str
    path: str
    region: str
    keys: Iterable[AccessKey]

    def accepts(self, username: str, password: str, now: datetime | None = None) -> bool:
        """Return whether the pair is let in at `now`."""
        instant, separator, claimed = password.partition("Z")
        try:
            signed_at = datetime.strptime(instant, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return False
        if not separator or abs((now or datetime.now(UTC)) - signed_at) > AGE_AT_MOST:
            return False
        for key in self.keys:
            name = "%".join(part for part in (key.id, key.session_token) if part)
            if name == username and hmac.compare_digest(self._sign(key, instant), claimed):
                return True
        return False

    def _sign(self, key: AccessKey, instant: str) -> str:
        request = "\n".join(["GIT", self.path, "", f"host:{self.host}", "", "host", ""])
        day = instant.split("T", maxsplit=1)[0]
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", instant, f"{day}/{self.region}/codecommit/aws4_request", digest])

        def chain(secret: bytes, message: str) -> bytes:
            return hmac.new(secret, message.encode(), hashlib.sha256).digest()

        signing_key = chain(
            chain(chain(chain(b"AWS4" + key.secret.encode(), day), self.region), "codecommit"), "aws4_request"
        )
        return chain(signing_key, text).hex()
