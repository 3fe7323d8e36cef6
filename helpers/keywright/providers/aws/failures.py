"""botocore's failures in our words: what failed, at which host, and the command that mends it.

Of a service's error only its code is repeated (`AccessDenied`), never its message, which can quote what was sent.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from botocore import exceptions
from botocore.parsers import ResponseParserError

from keywright.errors import (
    ConfigurationError,
    Evidence,
    KeywrightError,
    NeedsPerson,
    Refused,
    Unavailable,
    Unreachable,
)
from keywright.transport import parse_http_date, parse_retry_after

EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
CLOCK: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_CODE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ENDPOINT_SAID_NO: Final = re.compile(
    "Error when retrieving credentials from container-role: "
    "Error retrieving metadata: Received non 200 response 40[0134] "
)
_TOO_MANY_REQUESTS: Final = 429
_REDIRECT: Final = 300
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500

_SSO = (exceptions.SSOError, exceptions.TokenRetrievalError)
_WRONG_SETTINGS = (
    exceptions.ConfigParseError,
    exceptions.EndpointProviderError,
    exceptions.EndpointVariantError,
    exceptions.InvalidConfigError,
    exceptions.InvalidDefaultsMode,
    exceptions.InvalidIMDSEndpointError,
    exceptions.InvalidIMDSEndpointModeError,
    exceptions.InvalidProxiesConfigError,
    exceptions.InvalidRegionError,
    exceptions.InvalidRetryConfigurationError,
    exceptions.InvalidSTSRegionalEndpointsConfigError,
    exceptions.NoRegionError,
    exceptions.ParamValidationError,
    exceptions.UnknownCredentialError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """Turns botocore's exceptions into ours.

    Attributes:
        profile: the AWS profile in use, for messages.
        config: the path of the AWS config file, for messages.
    """

    profile: str
    config: str

    def translate(self, error: Exception) -> KeywrightError:
        """Return the failure that `error` means to the person at the keyboard."""
        if isinstance(error, exceptions.ClientError):
            return self._refusal(error)
        if isinstance(error, _SSO):
            return NeedsPerson("the AWS SSO session has ended", mend=f"run `aws sso login --profile {self.profile}`")
        if isinstance(error, exceptions.LoginError):
            return NeedsPerson("the AWS login session has ended", mend=f"run `aws login --profile {self.profile}`")
        if isinstance(error, exceptions.ProfileNotFound):
            return ConfigurationError(
                f"the AWS profile {self.profile} is not in {self.config}",
                mend=f"run `aws configure --profile {self.profile}`, or mend aws_profile or AWS_PROFILE",
            )
        if isinstance(error, _WRONG_SETTINGS):
            return ConfigurationError(
                f"the AWS profile {self.profile} or the AWS_* environment is not usable as it stands",
                mend=f"see `aws configure list --profile {self.profile}` and {self.config}",
            )
        if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
            return _connection_failure(error)
        if isinstance(error, ResponseParserError):
            return Unreachable("AWS answered in no protocol of its own")
        return self._no_credentials(error)

    def _no_credentials(self, error: Exception) -> KeywrightError:
        if isinstance(error, exceptions.MetadataRetrievalError):
            return Unreachable("the AWS credentials endpoint of this machine did not answer")
        if isinstance(error, exceptions.MissingDependencyException):
            return Unavailable(
                f"the AWS profile {self.profile} needs botocore's optional `crt` part",
                mend="install botocore[crt] beside keywright, or use `aws sso login`",
            )
        source = getattr(error, "kwargs", {}).get("provider")
        if isinstance(error, exceptions.CredentialRetrievalError) and source == "custom-process":
            return Unavailable(
                f"the credential_process of the AWS profile {self.profile} failed",
                mend=f"run it by hand; {self.config} names it",
            )
        if isinstance(error, exceptions.CredentialRetrievalError) and source == "container-role":
            if _ENDPOINT_SAID_NO.match(str(error)):
                return Refused(
                    "the AWS credentials endpoint of this container said no",
                    mend="see AWS_CONTAINER_AUTHORIZATION_TOKEN and its _FILE, or the pod's identity association",
                )
            return Unreachable("the AWS credentials endpoint of this container did not answer")
        return self.unusable()

    def unusable(self) -> KeywrightError:
        """Return the failure for credentials that are there and cannot be read, or are incomplete or expired."""
        return Unavailable(
            f"the AWS credentials of the profile {self.profile} are incomplete, expired or cannot be read",
            mend=f"run `aws sts get-caller-identity --profile {self.profile}`",
        )

    def missing(self) -> KeywrightError:
        """Return the failure for a chain that found nothing."""
        return Unavailable(
            "no AWS credentials were found",
            mend=f"run `aws configure` or `aws sso login --profile {self.profile}`, or set aws_profile",
        )

    def _refusal(self, error: exceptions.ClientError) -> KeywrightError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        code = code if _CODE.fullmatch(code) else "an unnamed error"
        metadata = error.response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode", 0)
        headers = metadata.get("HTTPHeaders", {})
        said = f"AWS answered {error.operation_name} with {code}"
        evidence = Evidence(status=_TOO_MANY_REQUESTS if code in THROTTLED else status, code=code)
        if code in THROTTLED or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
            date = parse_http_date(headers.get("date", ""))
            wait_s = parse_retry_after(headers.get("retry-after", ""), date)
            return Unreachable(said, retry_after_s=wait_s).as_told(evidence)
        if _REDIRECT <= status < _CLIENT_ERROR:
            return Unreachable("AWS answered with a redirect", mend="see AWS_ENDPOINT_URL and endpoint_url")
        if code in EXPIRED:
            return Unavailable(
                f"the AWS session has expired ({code})",
                mend=f"sign in again, such as with `aws sso login --profile {self.profile}`",
            )
        if code in CLOCK:
            return Refused(said, mend="set this machine's clock")
        mend = f"see `aws sts get-caller-identity --profile {self.profile}` and its permissions"
        return Refused(said, mend=mend).as_told(evidence)


def _connection_failure(error: Exception) -> KeywrightError:
    host = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url") or "")).hostname or "AWS"
    if isinstance(error, exceptions.SSLError):
        return Unreachable(f"no TLS connection to {host} that can be trusted")
    if isinstance(error, exceptions.ProxyConnectionError):
        return Unreachable("the proxy for AWS did not connect")
    if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
        return Unreachable(f"{host} did not answer in time")
    if isinstance(error, exceptions.EndpointConnectionError):
        return Unreachable(f"no connection to {host}")
    return Unreachable(f"{host} broke the connection off")
