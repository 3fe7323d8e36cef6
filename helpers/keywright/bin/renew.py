"""The detached renewal: `python -m keywright.bin.renew ENTRY GENERATION EXECUTABLE STDIN-AS-HEX ARGUMENT...`.

Started by a hit on a stale answer (`keywright.hit.wake`), with nothing of the caller's left open.
"""

import sys
from collections.abc import Callable
from typing import Final

from keywright.dialects.base import Dialect
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.dialects.person import PersonDialect
from keywright.refresher.behind import renew_once
from keywright.serve import Process

DIALECTS: Final[dict[str, Callable[[], Dialect]]] = {
    "docker-credential-keywright": DockerDialect,
    "git-credential-keywright": GitDialect,
    "keywright": PersonDialect,
    "kube-credential-keywright": KubeDialect,
}


def main() -> None:
    """Renew one entry."""
    entry, generation, name, stdin, *args = sys.argv[1:]
    process = Process.real(name, args, bytes.fromhex(stdin))
    sys.exit(renew_once(DIALECTS[name](), process, entry, int(generation)))


if __name__ == "__main__":
    main()
