from base64 import urlsafe_b64encode
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keywright.demo.sigv4 import AccessKey, Scope, signature
from keywright.demo.sts import EksTokenVerifier, TokenRefused

KEY = AccessKey(
    id="AKIDTEST", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", arn="arn:aws:iam::111122223333:user/a"
)
SESSION = AccessKey(id="ASIDTEST", secret="another-secret", session_token="a+session/token==")
VERIFIER = EksTokenVerifier((KEY, SESSION))
NOW = datetime.fromtimestamp(1_700_000_000, UTC)
CLUSTER = "prod-cluster"


def parameters(
    *,
    expires: str = "60",
    date: str = "20231114T221320Z",
    region: str = "us-east-1",
    service: str = "sts",
    headers: str = "host;x-k8s-aws-id",
    key: AccessKey = KEY,
) -> list[tuple[str, str]]:
    pairs = [
        ("Action", "GetCallerIdentity"),
        ("Version", "2011-06-15"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{key.id}/{date[:8]}/{region}/{service}/aws4_request"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", headers),
    ]
    return [*pairs, ("X-Amz-Security-Token", key.session_token)] if key.session_token else pairs


def signed(pairs: list[tuple[str, str]], *, host: str = "sts.us-east-1.amazonaws.com", key: AccessKey = KEY) -> str:
    """The URL of `pairs`, rightly signed for whatever they say."""
    found = {name.lower(): value for name, value in pairs}
    scope = Scope.parse(found.get("x-amz-credential", "")) or Scope(key_id="", day="", region="", service="")
    named = {"host": host, "x-k8s-aws-id": CLUSTER}
    headers = [(name, named.get(name, "")) for name in found.get("x-amz-signedheaders", "host").split(";")]
    right = signature(key, scope, found.get("x-amz-date", ""), method="GET", query=pairs, headers=headers, body=b"")
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in [*pairs, ("X-Amz-Signature", right)])
    return f"https://{host}/?{query}"


def token(url: str) -> str:
    return "k8s-aws-v1." + urlsafe_b64encode(url.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("expires", "right", "digest"),
    [
        (
            "900",
            "80c7505957e0e7c1530986c096e4cafdbcdd1af5777a112764765019349d2755",
            "54b2486897aac5115c08f36d5b0d9e6665060dc1578ba8d1c4753b46666f24df",
        ),
        (
            "60",
            "db8e1ae01e85f9b2e81f7b1bd36d23211f062070bcc157cc7d51357417c7263b",
            "af326f7d9c29aacef1e605206cd838dfb85c5f91dd623117ed3f1fac1dbb0cf4",
        ),
    ],
)
def test_the_known_vectors_pass(expires: str, right: str, digest: str) -> None:
    vector = token(
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDTEST%2F20231114%2Fus-east-1%2Fsts%2Faws4_request"
        f"&X-Amz-Date=20231114T221320Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
        f"&X-Amz-Signature={right}"
    )
    assert sha256(vector.encode()).hexdigest() == digest
    assert VERIFIER.verify(vector, CLUSTER, NOW).arn == KEY.arn


@pytest.mark.parametrize("key", [KEY, SESSION])
@pytest.mark.parametrize(
    ("region", "suffix"),
    [("eu-central-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com")],
)
def test_what_botocore_presigns_passes(
    monkeypatch: pytest.MonkeyPatch, key: AccessKey, region: str, suffix: str
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
    url = f"https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": CLUSTER})
    SigV4QueryAuth(Credentials(key.id, key.secret, key.session_token or None), "sts", region, expires=60).add_auth(
        request
    )
    assert request.url is not None
    assert VERIFIER.verify(token(request.url), CLUSTER, NOW).key_id == key.id


def test_a_token_is_no_use_at_another_cluster() -> None:
    right = token(signed(parameters()))
    assert VERIFIER.verify(right, CLUSTER, NOW).arn == KEY.arn
    with pytest.raises(TokenRefused, match="signature"):
        VERIFIER.verify(right, "another-cluster", NOW)


def test_names_count_whatever_their_case() -> None:
    pairs = [(name.upper(), value) for name, value in parameters()]
    assert VERIFIER.verify(token(signed(pairs)), CLUSTER, NOW).arn == KEY.arn


def without(name: str) -> list[tuple[str, str]]:
    return [pair for pair in parameters() if pair[0] != name]


def changed(name: str, value: str) -> list[tuple[str, str]]:
    return [(n, value if n == name else v) for n, v in parameters()]


BROKEN: dict[str, tuple[str, str]] = {
    "longer than 4096": (token(signed(parameters())) + "A" * 4096, "too long"),
    "another prefix": (token(signed(parameters())).replace("v1.", "v2."), "prefix"),
    "padding": (
        "k8s-aws-v1." + urlsafe_b64encode(signed(parameters(expires="6")).encode()).decode() + "=",
        "base64url",
    ),
    "the other base64 alphabet": ("k8s-aws-v1.ab+/", "base64url"),
    "a line feed": (token(signed(parameters())) + "\n", "base64url"),
    "one character too many": ("k8s-aws-v1.abcde", "base64url"),
    "no text": ("k8s-aws-v1._____w", "no URL"),
    "no query": (token("https://sts.us-east-1.amazonaws.com/?nonsense"), "no URL"),
    "http": (token(signed(parameters()).replace("https:", "http:")), "scheme"),
    "another host": (token(signed(parameters(), host="sts.us-east-1.amazonaws.com.evil.example")), "host"),
    "a host that ends alike": (token(signed(parameters(), host="evil-sts.us-east-1.amazonaws.com")), "host"),
    "a user in the host": (token(signed(parameters()).replace("https://", "https://a@")), "host"),
    "a port": (token(signed(parameters(), host="sts.us-east-1.amazonaws.com:443")), "host"),
    "the global host": (token(signed(parameters(), host="sts.amazonaws.com")), "host"),
    "upper case in the host": (token(signed(parameters(), host="STS.us-east-1.amazonaws.com")), "host"),
    "another path": (token(signed(parameters()).replace(".com/?", ".com/x?")), "path"),
    "no path": (token(signed(parameters()).replace(".com/?", ".com?")), "path"),
    "a parameter that is not allowed": (token(signed([*parameters(), ("X-K8s-Aws-Id", CLUSTER)])), "not allowed"),
    "a parameter twice": (token(signed([*parameters(), ("Version", "2011-06-15")])), "twice"),
    "a parameter twice in another case": (token(signed([*parameters(), ("action", "GetCallerIdentity")])), "twice"),
    "another action": (token(signed(changed("Action", "AssumeRole"))), "action"),
    "no action": (token(signed(without("Action"))), "action"),
    "the cluster unsigned": (token(signed(parameters(headers="host"))), "cluster"),
    "a header nobody sends": (token(signed(parameters(headers="host;x-k8s-aws-id;x-other"))), "not sent"),
    "expires too far": (token(signed(parameters(expires="901"))), "900"),
    "expires before": (token(signed(parameters(expires="-1"))), "900"),
    "expires in words": (token(signed(parameters(expires="soon"))), "900"),
    "no expires": (token(signed(without("X-Amz-Expires"))), "900"),
    "no date": (token(signed(without("X-Amz-Date"))), "date"),
    "a date of another format": (token(signed(parameters(date="2023-11-14T22:13:20Z"))), "date"),
    "a date with a field too short": (token(signed(parameters(date="20231114T22132Z"))), "date"),
    "the scope of another region": (token(signed(parameters(region="eu-west-1"))), "scope"),
    "the scope of another service": (token(signed(parameters(service="ecr"))), "scope"),
    "no credential": (token(signed(without("X-Amz-Credential"))), "scope"),
    "a key nobody knows": (token(signed(parameters(key=AccessKey(id="AKIDNONE", secret="x")))), "unknown"),
    "a session token missing": (token(signed([*parameters(key=SESSION)][:-1], key=SESSION)), "unknown"),
    "signed with another secret": (token(signed(parameters(), key=AccessKey(id=KEY.id, secret="x"))), "signature"),
    "no signature": (token(signed(parameters()).partition("&X-Amz-Signature")[0]), "signature"),
    "another algorithm": (token(signed(changed("X-Amz-Algorithm", "AWS4-HMAC-SHA1"))), "signature"),
    "changed after signing": (token(signed(parameters()).replace("Expires=60", "Expires=61")), "signature"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_each_broken_rule_is_refused_for_its_own_reason(broken: str) -> None:
    text, reason = BROKEN[broken]
    with pytest.raises(TokenRefused, match=reason):
        VERIFIER.verify(text, CLUSTER, NOW)


@pytest.mark.parametrize("expires", ["0", "900"])
def test_the_edges_of_expires_pass(expires: str) -> None:
    assert VERIFIER.verify(token(signed(parameters(expires=expires))), CLUSTER, NOW).arn == KEY.arn


@pytest.mark.parametrize(
    ("age", "refused"),
    [
        (timedelta(minutes=15), ""),
        (timedelta(minutes=15, seconds=1), "expired"),
        (timedelta(minutes=-5), ""),
        (timedelta(minutes=-5, seconds=-1), "future"),
    ],
)
def test_a_token_is_good_for_fifteen_minutes_whatever_it_says_itself(age: timedelta, refused: str) -> None:
    text = token(signed(parameters(expires="60")))
    with pytest.raises(TokenRefused, match=refused) if refused else nullcontext():
        assert VERIFIER.verify(text, CLUSTER, NOW + age).arn == KEY.arn


def test_a_refusal_never_holds_the_token() -> None:
    for text, _ in BROKEN.values():
        with pytest.raises(TokenRefused) as refused:
            VERIFIER.verify(text, CLUSTER, NOW)
        assert text not in str(refused.value)
