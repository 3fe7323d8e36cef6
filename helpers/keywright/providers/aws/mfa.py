"""The MFA code of a role: botocore asks for it before it asks AWS for anything, and here nobody is at a keyboard.

So the first try ends with the question, and whoever may put it to a person comes back with the answer.
"""

import re
from typing import Final

from keywright.errors import KeywrightError, NeedsPerson, Refused
from keywright.secret import Secret

_CODE: Final = re.compile(r"[0-9]{6}")


class Prompter:
    """Stands where botocore has `getpass`.

    A code is good for one use. A second role on the way that wants one too cannot be served: its try would need the
    first code again.
    """

    def __init__(self, profile: str, answer: Secret | None) -> None:
        """Take the AWS profile in use, for messages, and the code that was brought along."""
        self._profile = profile
        self._answer = answer
        self._is_used = False

    def __call__(self, prompt: str) -> str:
        """Return the code; botocore's `prompt` is `Enter MFA code for SERIAL: `.

        Raises:
            NeedsPerson: none was brought along, or it is none, or it is used up.
        """
        mend = "run `keywright token PROFILE` on a terminal, or use a session that was signed in with MFA"
        if self._answer is None:
            question = prompt.removeprefix("Enter ").rstrip(": ")
            raise NeedsPerson(f"the AWS profile {self._profile} asks for an MFA code", mend=mend, question=question)
        if self._is_used:
            raise NeedsPerson(
                f"the AWS profile {self._profile} asks for a second MFA code",
                mend="use a session that was signed in with MFA",
            )
        if not _CODE.fullmatch(self._answer.reveal()):
            raise NeedsPerson("that is no MFA code, which has six digits", mend="try again")
        self._is_used = True
        return self._answer.reveal()

    def explain(self, error: KeywrightError) -> KeywrightError:
        """Return the error, which names the code if AWS said no to a request that held it."""
        if self._is_used and isinstance(error, Refused):
            error.what += " to the MFA code"
            error.mend = "try again with the device's next code"
        return error
