"""Where botocore would ask at the keyboard. What comes of it with an STS is in `test_role_session.py`."""

import pytest

from keywright.errors import NeedsPerson, Refused, Unreachable
from keywright.providers.aws.mfa import Prompter
from keywright.secret import Secret

PROMPT = "Enter MFA code for arn:aws:iam::111122223333:mfa/ann: "


def test_without_an_answer_the_question_is_handed_on() -> None:
    with pytest.raises(NeedsPerson) as caught:
        Prompter("dev", None)(PROMPT)
    assert caught.value.question == "MFA code for arn:aws:iam::111122223333:mfa/ann"
    assert caught.value.what == "the AWS profile dev asks for an MFA code"


def test_an_answer_is_good_once() -> None:
    prompter = Prompter("dev", Secret("123456"))
    assert prompter(PROMPT) == "123456"
    with pytest.raises(NeedsPerson) as caught:
        prompter(PROMPT)
    assert caught.value.question == ""


def test_only_a_refusal_of_a_request_that_held_the_code_is_the_codes_fault() -> None:
    prompter = Prompter("dev", Secret("123456"))
    assert str(prompter.explain(Refused("AWS said no", mend="ask"))) == "AWS said no; ask"
    prompter(PROMPT)
    assert str(prompter.explain(Unreachable("late"))) == "late"
    assert str(prompter.explain(Refused("AWS said no", mend="ask"))) == (
        "AWS said no to the MFA code; try again with the device's next code"
    )
