"""`keywright classify`: what a failure's text means."""

from keywright.errors import UsageError
from keywright.manage.terminal import Asking
from keywright.profiles.classify import classify_message


def classified(text: str | None, asking: Asking) -> str:
    """Return the reason, one of nine words, of the text or else of what is piped in.

    Raises:
        UsageError: there is no text.
    """
    if text is None:
        if asking.is_on_terminal:
            raise UsageError("there is no text to classify", mend="add it as an argument, or pipe it")
        text = asking.known("").reveal()
    return classify_message(text).value
