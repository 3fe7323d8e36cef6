"""A client process without the process: the hit path, then the long way round, as the executables do it."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from keywright import hit
from keywright.dialects.base import Dialect
from keywright.ready import Asked
from keywright.serve import Process, serve


@dataclass(frozen=True)
class Outcome:
    """What a client sees, and whether it came from a ready answer."""

    code: int
    stdout: bytes
    stderr: str = ""
    is_hit: bool = False
    is_due: bool = False


def call(
    dialect: Dialect,
    args: list[str],
    stdin: bytes | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outcome:
    """Ask as one process of `dialect`'s executable would."""
    asked = Asked(name=dialect.executable, args=tuple(args), env=dict(os.environ), stdin=stdin)
    now_s = now().timestamp()
    digest = "" if asked.env.get(hit.TRACE) else asked.digest
    ready = hit.find(f"{hit.folder_of('cache', asked.env)}/answers", digest, now_s) if digest else None
    if ready is not None:
        facts, body = ready
        return Outcome(int(facts["exit"]), body, is_hit=True, is_due=now_s >= float(facts["refresh"]))
    reader, writer = os.pipe()
    stderr = io.StringIO()
    try:
        code = serve(dialect, Process(asked=asked, stdout_fd=writer, stderr=stderr, now=now))
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        return Outcome(code, stream.read(), stderr.getvalue())
