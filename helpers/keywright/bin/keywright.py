"""`keywright`: the command for people and scripts."""

import sys

from keywright import hit

TYPE_CHECKING = False  # the hit path pays for no import of `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "keywright"


def main(answer: "Callable[[str], bytes | None]" = hit.answer) -> None:
    """Answer `keywright token` from the cache where that is allowed; everything else is the command line's.

    Where the hit path has been tried before, `answer` says so by doing nothing.
    """
    try:
        answer(NAME)
        from keywright.manage.cli import run

        code = run()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
