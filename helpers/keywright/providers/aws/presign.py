"""The EKS token: a presigned `GetCallerIdentity` that the cluster sends to STS on our behalf.

    k8s-aws-v1.<base64url, unpadded, of>
    https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15
        &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA…%2F20231114%2Feu-central-1%2Fsts%2Faws4_request
        &X-Amz-Date=20231114T221320Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=db8e…

The cluster's name is a signed header, never part of the URL, so a token for one cluster is worth nothing at another.
Byte for byte what `aws eks get-token` makes at the same second, with botocore's signer and without a client; verified
by https://github.com/kubernetes-sigs/aws-iam-authenticator (`pkg/token/token.go`).
"""

from base64 import urlsafe_b64encode
from datetime import datetime

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"


class _SignerAt(SigV4QueryAuth):
    """Signs as of a given instant; botocore's own signer reads the wall clock."""

    def __init__(self, credentials: ReadOnlyCredentials, region: str, expires_s: int, now: datetime) -> None:
        super().__init__(credentials, "sts", region, expires=expires_s)
        self._timestamp = now.strftime(SIGV4_TIMESTAMP)

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        # Called between reading the clock and signing; everything signed takes the time from here.
        request.context["timestamp"] = self._timestamp
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # the stubs lack it


def eks_token(
    credentials: ReadOnlyCredentials,
    *,
    host: str,
    region: str,
    cluster: str,
    expires_s: int,
    now: datetime,
) -> str:
    """Return the token for `cluster`, signed at `now` (aware UTC) by `credentials` for the STS at `host`.

    `expires_s` is the URL's `X-Amz-Expires`, in seconds; STS accepts the URL for 15 minutes whatever it says.
    """
    request = AWSRequest(
        method="GET",
        url=f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={CLUSTER_HEADER: cluster},
    )
    _SignerAt(credentials, region, expires_s, now).add_auth(request)
    return PREFIX + urlsafe_b64encode(str(request.url).encode()).decode("ascii").rstrip("=")
