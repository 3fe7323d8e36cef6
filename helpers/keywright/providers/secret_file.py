"""A file that a person's settings name and that holds a secret: read whole, if it is one."""

import os
import stat

from keywright.errors import Unavailable


def read_secret_file(path: str, at_most: int, *, called: str, setting: str) -> bytes:
    """Return the content of a plain file, at most so many bytes; `called` and `setting` name it in messages.

    Raises:
        Unavailable: it is missing, no plain file, too long or cannot be read.
    """
    mend = f"mend {setting}, or make the file readable to you"
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unavailable(f"{called} is not a plain file", mend=mend)
            content = file.read(at_most + 1)
    except FileNotFoundError:
        raise Unavailable(f"{called} does not exist", mend=f"mend {setting}") from None
    except (OSError, ValueError):
        raise Unavailable(f"{called} cannot be read", mend=mend) from None
    if len(content) > at_most:
        raise Unavailable(f"{called} is longer than {at_most} bytes", mend=mend)
    return content
