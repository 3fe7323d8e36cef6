"""`keywright`: the command for people and scripts."""

import sys

from keywright import hit


def main() -> None:
    """Answer `keywright token` from the cache where that is allowed; everything else is the command line's."""
    try:
        hit.answer("keywright")
        from keywright.manage.cli import run

        code = run()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
