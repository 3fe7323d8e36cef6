from datetime import UTC, datetime

import pytest
from botocore.credentials import ReadOnlyCredentials

from keywright.credential import Credential
from keywright.errors import Unavailable
from keywright.providers.aws.packed_keys import Keys, pack, unpack
from keywright.secret import Secret

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("token", ["session/+=", None])
def test_keys_come_out_as_they_went_in(token: str | None) -> None:
    keys = ReadOnlyCredentials("ASIATEST", "secret/+", token)
    unpacked = unpack(Credential(secret=pack(keys), username="ASIATEST", issued_at=NOW))
    assert unpacked == Keys("ASIATEST", "secret/+", token)


@pytest.mark.parametrize("text", ["canary", "[]", "{}", "null", '{"secret_key": "canary"}'])
def test_what_cannot_be_read_is_told_without_its_content(text: str) -> None:
    with pytest.raises(Unavailable, match="the kept AWS session cannot be read") as caught:
        unpack(Credential(secret=Secret(text), issued_at=NOW))
    assert "canary" not in repr(caught.value)
    assert caught.value.__suppress_context__
