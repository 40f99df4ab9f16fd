"""What an answer means, whatever its shape. No contact may be taken for another's, or for taken when it was not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.icommkt.answers import Accepted, AnswerError, Refused, Unclear, code_of, of_batch, of_one, of_removal


def response(code: Any, email: str | None = None, status: str | None = None, message: str = "") -> dict[str, Any]:
    data = {"Email": email, "Status": status} if email or status else None
    return {"StatusCode": code, "Message": message, "MessageDetail": "", "Data": data}


def batch(*responses: Any, code: Any = 1) -> dict[str, Any]:
    return {"SaveMultiContactJsonResult": {"StatusCode": code, "Responses": list(responses)}}


@pytest.mark.parametrize(
    ("value", "code"), [*((one, "1") for one in (1, "1", " 1 ", 1.0)), *((one, "") for one in (None, True, False))]
)
def test_codes_are_compared_as_text(value: Any, code: str) -> None:
    assert code_of(value) == code


def test_one_contact() -> None:
    answer = {"SaveContactJsonResult": response("1", "a@example.com", "A")}
    assert of_one(answer, "A@example.com ") == Accepted("A")
    assert of_one({"SaveContactJsonResult": {"StatusCode": 1}}, "a@example.com") == Accepted(None)
    answer = {"SaveContactJsonResult": response(7, message="No")}
    assert of_one(answer, "a@example.com") == Refused("7", "No")
    assert of_one({"SaveContactJsonResult": {}}, "a@example.com") == Unclear()


def test_one_contacts_answer_about_another_is_an_error() -> None:
    with pytest.raises(AnswerError, match="another contact"):
        of_one({"SaveContactJsonResult": response(1, "b@example.com")}, "a@example.com")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"Message": "The service is busy"},
        {"SaveMultiContactJsonResult": None},
        {"SaveMultiContactJsonResult": {"StatusCode": 1}},
        {"SaveMultiContactJsonResult": {"StatusCode": 1, "Responses": {}}},
        batch(response(1, "a@example.com"), code=5),
        batch(response(1, "a@example.com"), code="0"),
    ],
)
def test_an_answer_that_is_no_success_as_a_whole_acknowledges_nobody(answer: Any) -> None:
    with pytest.raises(AnswerError):
        of_batch(answer, ["a@example.com"])


def test_the_error_carries_icommkts_own_words() -> None:
    with pytest.raises(AnswerError, match="Profile not found") as caught:
        of_batch({"SaveMultiContactJsonResult": {"StatusCode": "9", "Message": "Profile not found"}}, ["a@b.c"])
    assert caught.value.code == "9"


def test_without_a_top_code_the_responses_decide() -> None:
    answer = {"SaveMultiContactJsonResult": {"Responses": [response(1)]}}
    assert of_batch(answer, ["a@b.c"]) == [Accepted(None)]


def test_by_position_only_when_all_are_success_and_as_many() -> None:
    emails = ["a@b.c", "d@e.f", "g@h.i"]
    assert of_batch(batch(*[response(1)] * 3), emails) == [Accepted(None)] * 3
    assert of_batch(batch(*[response(1)] * 2), emails) == [Unclear()] * 3
    assert of_batch(batch(*[response(1)] * 4), emails) == [Unclear()] * 3
    assert of_batch(batch(response(1), response(8), response(1)), emails) == [Unclear(mixed=True)] * 3
    assert of_batch(batch(response(1), {}, response(1)), emails) == [Unclear(mixed=True)] * 3
    assert of_batch(batch(response(1), None, response(1)), emails) == [Unclear(mixed=True)] * 3


def test_by_e_mail_in_any_order_and_length() -> None:
    emails = ["a@b.c", "d@e.f", "g@h.i"]
    answer = batch(response(1, "G@H.I"), response(8, "d@e.f", message="no"), response(1, "x@y.z"))
    assert of_batch(answer, emails) == [Unclear(), Refused("8", "no"), Accepted(None)]


def test_two_answers_about_one_contact_count_only_when_they_agree() -> None:
    assert of_batch(batch(response(1, "a@b.c"), response(1, "a@b.c")), ["a@b.c"]) == [Accepted(None)]
    assert of_batch(batch(response(1, "a@b.c"), response(8, "a@b.c")), ["a@b.c"]) == [Unclear()]


def test_a_nameless_answer_among_named_ones_decides_for_no_one() -> None:
    answer = batch(response(1, "a@b.c"), response(1))
    assert of_batch(answer, ["a@b.c", "d@e.f"]) == [Accepted(None), Unclear()]


def test_removal() -> None:
    assert of_removal({"RemoveContactJsonResult": {"StatusCode": "2"}})
    assert of_removal({"RemoveContactJsonResult": {"StatusCode": 101}})
    with pytest.raises(AnswerError):
        of_removal({"RemoveContactJsonResult": {"StatusCode": 1}})


@given(
    truth=st.lists(st.booleans(), min_size=1, max_size=12),
    named=st.booleans(),
    order=st.randoms(use_true_random=False),
    cut=st.integers(-2, 2),
)
def test_nobody_who_was_not_taken_is_ever_acknowledged(truth: list[bool], named: bool, order: Any, cut: int) -> None:
    """Any order with e-mails; without them any length, as long as the order is kept or something is refused."""
    emails = [f"c{number}@example.com" for number in range(len(truth))]
    responses = [
        response(1 if taken else 8, email if named else None) for email, taken in zip(emails, truth, strict=True)
    ]
    if named or not all(truth):
        order.shuffle(responses)
    responses = responses[:cut] if cut < 0 else responses + responses[:cut]
    fates = of_batch(batch(*responses), emails)
    assert len(fates) == len(emails)
    for taken, fate in zip(truth, fates, strict=True):
        if isinstance(fate, Accepted):
            assert taken
        if isinstance(fate, Refused):
            assert not taken
