"""What botocore does on the network and which programs it runs, for a trace: it would tell of neither without secrets.

Everything it sends goes through `URLLib3Session.send`, whatever the service; a `credential_process` is run with the
`popen` of its provider. Neither is touched before somebody traces.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.credentials
import botocore.httpsession

from keywright import trace
from keywright.request import Url, parse_host, parse_url

_SERVICES: Final = (".amazonaws.com", ".amazonaws.com.cn")


def overhear() -> None:
    """Have botocore's requests and programs told from now on, if somebody traces."""
    if trace.is_on():
        _listen()


@cache
def _listen() -> None:
    """Listen, once for this process."""
    send = botocore.httpsession.URLLib3Session.send
    programs: Any = botocore.credentials.ProcessProvider
    run = programs._retrieve_credentials_using  # noqa: SLF001 - there is no other way to where it is run

    def told_send(self: Any, request: Any) -> Any:  # noqa: ANN401 - botocore has no types
        with trace.timed("http", method=request.method, url=place_of(request.url)) as told:
            response = send(self, request)
            told["status"] = response.status_code
            if not request.stream_output:
                told["size"] = len(response.content)
        return response

    def told_run(self: Any, command: str) -> Any:  # noqa: ANN401 - the same
        self._popen = _Told
        return run(self, command)

    botocore.httpsession.URLLib3Session.send = told_send  # type: ignore[method-assign]
    programs._retrieve_credentials_using = told_run  # noqa: SLF001 - the same


def place_of(url: str) -> Url | None:
    """Return where a request goes, without its query; None if that cannot be told.

    Its path only where AWS's own services are asked: that of a container's endpoint is all that it takes to use it.
    """
    try:
        scheme, host, path = urlsplit(url)[:3]
    except ValueError:
        return None
    name = parse_host(host, scheme)
    if name is None:
        return None
    is_aws = scheme == "https" and name.endswith(_SERVICES)
    return (parse_url(f"{scheme}://{name}{path}") if is_aws else None) or Url(scheme, name)


class _Told(subprocess.Popen[bytes]):
    """A program that a trace hears of once it has ended: its name, never what it was given or said."""

    def __init__(self, command: Sequence[str], **streams: Any) -> None:  # noqa: ANN401 - handed on
        self._name = os.path.basename(command[0]) if command else ""
        self._began_s = time.monotonic()
        super().__init__(command, **streams)

    def communicate(self, *args: Any, **kwargs: Any) -> tuple[bytes, bytes]:  # noqa: ANN401 - the same
        said = super().communicate(*args, **kwargs)
        seconds = time.monotonic() - self._began_s
        trace.tell("program", program=self._name, seconds=seconds, exit_code=self.returncode)
        return said
