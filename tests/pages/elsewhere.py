"""The commands of the pages that are not run as they stand there, each with the reason: all are in this table."""

from enum import Enum
from typing import Final, NamedTuple


class Check(Enum):
    """What is done with a command instead of running it. That bash can parse it is checked of every one."""

    HELP = "each of its options is in the command's own --help"
    TEST = "the test that is named does what it does, if not by that very command"
    NOTHING = "nothing here can check it"


class Elsewhere(NamedTuple):
    """Commands that are not run.

    Attributes:
        pattern: a regular expression for the whole command.
        reason: why it is not run.
        check: what is done instead.
        test: for Check.TEST, the file that runs it.
    """

    pattern: str
    reason: str
    check: Check
    test: str = ""


_PACKAGES: Final = "installs on the machine; dpkg and rpm, which do the work under these, are run in a clean root"
_MADE: Final = "tests/binaries/test_packages.py"
_PERSON: Final = "a person has to be there"

ELSEWHERE: Final = (
    Elsewhere(r"make (demo|test)", "takes minutes, or is what runs this", Check.TEST, "tests/binaries/test_demo.py"),
    Elsewhere(
        r"(pipx|uv tool|pip) install .*",
        "installs from the network; the wheel that they make is tested",
        Check.TEST,
        "tests/binaries/test_installed.py",
    ),
    Elsewhere(r"(sudo )?(apt|apt-get|dnf|zypper|rpm|dpkg|brew) .*", _PACKAGES, Check.TEST, _MADE),
    Elsewhere(r"sha256sum .*SHA256SUMS.*", _PACKAGES, Check.TEST, _MADE),
    Elsewhere(r"(tar|ln) .*keywright.*", "has to have a tarball", Check.TEST, "tests/binaries/test_docs.py"),
    Elsewhere(r"keywright profile login .*", f"{_PERSON}, and a browser", Check.HELP),
    Elsewhere(r"keywright vault (init|unlock|lock|change-password).*", f"{_PERSON}, to type a passphrase", Check.HELP),
    Elsewhere(
        r"(podman|crane) .*", "is not installed for the tests; skopeo, which is, reads the same files", Check.NOTHING
    ),
)

ANOTHERS: Final[dict[str, str]] = {
    "docs/agent.md": "tests/binaries/test_agent_docs.py",
    "docs/reference/json.md": "tests/unit/manage/schema/test_json_page.py",
}
"""The pages that a test of their own follows, which knows more of them."""
