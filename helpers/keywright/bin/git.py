#!python
"""`git-credential-keywright`: git's credential helper (gitcredentials(7))."""

import os
import sys

from keywright import hit

TYPE_CHECKING = False  # the hit path pays for no import of `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "git-credential-keywright"


def main(answer: "Callable[[str], bytes | None]" = hit.answer) -> None:
    """Answer one question; a hit ends the process inside the first line, before anything else is imported.

    Where the hit path has been tried before, `answer` gives what it read of stdin.
    """
    try:
        stdin = answer(NAME)
        import gc

        gc.disable()  # what one call leaves lying about goes with its process
        from keywright.dialects.git import GitDialect
        from keywright.serve import Process, serve

        code = serve(GitDialect(), Process.real(NAME, sys.argv[1:], stdin))
    except KeyboardInterrupt:
        code = 130
    # Not sys.exit, which takes its time and reports a standard error that nobody reads any more as a failure.
    os._exit(code)


if __name__ == "__main__":
    main()
