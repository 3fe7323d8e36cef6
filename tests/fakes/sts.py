"""AWS STS, as far as it lends sessions: AssumeRole behind a checked signature and an MFA code, and web identities.

    POST / HTTP/1.1
    Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-central-1/sts/aws4_request, SignedHeaders=…, Signature=…
    Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdeploy&RoleSessionName=ann

The answer and the errors are XML, as in the AWS Security Token Service API Reference.
"""

import re
import threading
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qs

from keywright.demo.exchange import Call, Reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock
from keywright.demo.sigv4 import ALGORITHM, AccessKey, Scope, signature

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^ ,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{{64}})"
)
_XML = (("Content-Type", "text/xml"),)


class Sts(LoopbackServer):
    """Lends another session to each caller.

    Attributes:
        lent_for: how long the sessions lent from now on live.
        asked: the forms of all calls, in order.
        keys: the access keys lent so far, in order.
        codes: the MFA code of each device by its serial number; a code is good once.
    """

    def __init__(self, *, callers: tuple[AccessKey, ...] = (), clock: Clock = real_clock) -> None:
        """Lend to `callers` alone; to everybody, whatever they sign, if there are none."""
        super().__init__({"POST /": self._answer}, clock=clock)
        self.lent_for = timedelta(hours=1)
        self.asked: list[dict[str, str]] = []
        self.keys: list[AccessKey] = []
        self.codes: dict[str, str] = {}
        self._callers = {key.id: key for key in callers}
        self._turn = threading.Lock()

    def _answer(self, call: Call) -> Reply:
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        with self._turn:
            self.asked.append(form)
            if self._callers and form["Action"] == "AssumeRole" and not self._is_signed(call):
                return Reply(status=403, headers=_XML, body=sts_error("SignatureDoesNotMatch"))
            if not self._has_code(form):
                return Reply(status=403, headers=_XML, body=sts_error("AccessDenied"))
            return self._lend(form)

    def _has_code(self, form: Mapping[str, str]) -> bool:
        if not self.codes or form["Action"] != "AssumeRole":
            return True
        serial = form.get("SerialNumber", "")
        if form.get("TokenCode") != self.codes.get(serial):
            return False
        self.codes[serial] = "used up"
        return True

    def _lend(self, form: Mapping[str, str]) -> Reply:
        action, number = form["Action"], len(self.keys) + 1
        key = AccessKey(
            id=f"ASIALENT{number}",
            secret=f"lent-canary-{number}",
            session_token=f"session-canary-{number}",
            arn=form.get("RoleArn", ""),
        )
        self.keys.append(key)
        until = (self.clock() + self.lent_for).strftime("%Y-%m-%dT%H:%M:%SZ")
        xml = (
            f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
            f"<AccessKeyId>{key.id}</AccessKeyId><SecretAccessKey>{key.secret}</SecretAccessKey>"
            f"<SessionToken>{key.session_token}</SessionToken><Expiration>{until}</Expiration></Credentials>"
            f"</{action}Result></{action}Response>"
        )
        return Reply(status=200, headers=_XML, body=xml.encode())

    def _is_signed(self, call: Call) -> bool:
        found = _AUTHORIZATION.fullmatch(str(call.headers.get("Authorization", "")))
        scope = Scope.parse(found[1]) if found else None
        key = self._callers.get(scope.key_id) if scope else None
        if found is None or scope is None or key is None or scope.service != "sts":
            return False
        headers = [(name, str(call.headers.get(name, ""))) for name in found[2].split(";")]
        date = str(call.headers.get("X-Amz-Date", ""))
        return found[3] == signature(key, scope, date, method="POST", query=(), headers=headers, body=call.body)


def sts_error(code: str, message: str = "no") -> bytes:
    """Return the body of an error."""
    return (
        "<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>"
        f"<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    ).encode()
