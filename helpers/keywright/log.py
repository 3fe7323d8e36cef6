"""What a person reads: one line at a time, on standard error, with nothing in it that a terminal would obey."""

from typing import TextIO


def one_line(text: str) -> str:
    r"""Return `text` with every control character, line break and stray surrogate shown as an escape.

    Hosts, paths and user names come from whoever wrote the URL; unescaped they could move the cursor or forge a
    second line (CVE-2024-50349).
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def say(stream: TextIO | None, speaker: str, message: object) -> None:
    """Write `speaker: message` as one line; a closed or full stream loses the line, never the credential.

    None is what Python makes of a standard error that was closed when the process started.
    """
    if stream is None:
        return
    try:
        stream.write(f"{speaker}: {one_line(str(message))}\n")
        stream.flush()
    except (OSError, ValueError):
        return
