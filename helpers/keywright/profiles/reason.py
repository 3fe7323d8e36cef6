"""Why a profile failed, in nine words."""

from enum import StrEnum


class FailureReason(StrEnum):
    """The reasons that cooldowns go by; the values are the words of commands and of the state's files."""

    AUTH = "auth"
    AUTH_PERMANENT = "auth_permanent"
    RATE_LIMIT = "rate_limit"
    BILLING = "billing"
    TIMEOUT = "timeout"
    FORMAT = "format"
    MODEL_NOT_FOUND = "model_not_found"
    SESSION_EXPIRED = "session_expired"
    UNKNOWN = "unknown"
