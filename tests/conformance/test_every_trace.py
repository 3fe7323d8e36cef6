"""What a trace of everything holds: no secret, whichever provider fetches and however that goes.

Every desk's environment, files and answers hold canaries. Its fetches are traced at the second level, to a person and
to a file, as they succeed, are refused, find nobody and are answered with nonsense.
"""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from fakes.asking import Clock
from fakes.bent import aborting, bent, redirecting, refusing
from fakes.issuers import CANARY, DESKS, Change, Desk
from keywright import trace
from keywright.errors import KeywrightError
from keywright.providers.registry import PROVIDERS
from keywright.tracing.file import TraceFile
from keywright.tracing.tracer import ALL, Tracer

NOW: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=sorted(PROVIDERS))
def desk(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with DESKS[request.param](home, Clock(now=NOW)) as ready:
        yield ready


def fetch_in_every_way(desk: Desk) -> Iterator[Change | None]:
    """Yield what each fetch is to change, with the issuer bent for its length."""
    yield None
    yield desk.refused
    yield desk.stranded
    secrets = " ".join(desk.secrets()).encode()
    for bend in (
        refusing(500, {"X-Request-Id": CANARY}, secrets),
        refusing(400, {}, b'{"message": "' + secrets + b'"}'),
        redirecting(f"https://elsewhere.example/?token={CANARY}"),
        aborting(),
    ):
        with bent(desk.issuer, bend):
            yield None


def test_it_holds_no_secret_whatever_happens(desk: Desk, tmp_path: Path) -> None:
    path, stderr, issued = tmp_path / "trace", io.StringIO(), []
    tracer = Tracer(
        call="0badcafe",
        by="keywright",
        level=ALL,
        file=TraceFile.open(str(path)),
        stderr=stderr,
        now=lambda: NOW,
    )
    with trace.told_to(tracer):
        for change in fetch_in_every_way(desk):
            with suppress(KeywrightError), trace.timed("fetch_ended", profile=f"{desk.name}:x"):
                issued.append(desk.fetch(NOW, change).credential.secret.reveal())
    assert issued
    told = stderr.getvalue() + path.read_text()
    assert not [secret for secret in (CANARY, *desk.secrets(), *issued) if secret in told]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert stderr.getvalue().count("\n") == len(rows)
    exchanges = [row for row in rows if row["event"] == "http"]
    assert {row.get("status") for row in exchanges} >= {500}
    assert all("?" not in row["url"] and "@" not in row["url"] for row in exchanges)
    ended = [row["error"] for row in rows if row["event"] == "fetch_ended" and row.get("error")]
    assert {"refused", "unavailable"} & set(ended)
