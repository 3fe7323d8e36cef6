"""Renew one entry, behind a caller that was already served."""

from keywright import trace
from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.deadline import CALL_S, OutOfTime, within
from keywright.dialects.base import Dialect
from keywright.errors import KeywrightError
from keywright.ready import Ready
from keywright.serve import Process, tell_request, traced
from keywright.settings.load import load, locate


def renew_once(dialect: Dialect, process: Process, entry: str, generation: int) -> int:
    """Renew one entry, if its generation is still current, and answer the question that woke us anew.

    Never waits for a lock: whoever holds it is renewing. A failure is in the failure memory, where `keywright status`
    and the next caller find it; there is nobody to tell it to. Returns the exit code.
    """
    with traced(process, "keywright-renew"), trace.timed("renewal_ended", entry=entry) as told:
        code = told["exit_code"] = _renew(dialect, process, entry, generation)
    return code


def _renew(dialect: Dialect, process: Process, entry: str, generation: int) -> int:
    asked = process.asked
    try:
        with within(CALL_S):
            request = dialect.parse(asked.args, asked.stdin or b"", asked.env)
            tell_request(request)
            cache = open_cache(asked.env)
            settings = load(locate(asked.env), cache.seals)
            broker = Broker(settings=settings, cache=cache, env=asked.env, now=process.now, say=lambda _message: None)
            served = broker.renew(request, entry, generation)
            if served is not None:
                body = dialect.answer(request, served.credential, served.report_until)
                Ready(cache, settings, asked).keep(request, served, body, process.now().timestamp())
    except KeywrightError as error:
        return error.exit_code
    except OutOfTime:
        return 1
    return 0
