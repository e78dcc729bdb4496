"""Which kind a payload is, what it says, and which answers are legal."""

from __future__ import annotations

import enum
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl import codec, questions
from hitl.errors import InvalidAnswer
from hitl.questions import Description, Kind

SCORE = {"type": "object", "properties": {"score": {"type": "integer", "minimum": 1}}, "required": ["score"]}
ANY_JSON = [None, {}, [], 0, 0.0, "", False, True, "text", {"a": [1]}]


@pytest.mark.parametrize(
    ("value", "schema", "kind"),
    [
        ("What is your name?", None, "text"),
        ("What is your name?", SCORE, "schema"),
        ({"question": "Rate", "options": ["a"]}, SCORE, "schema"),
        ({"question": "Rate", "options": ["a", "b"]}, None, "choice"),
        ({"options": ("a", "b")}, None, "choice"),
        ({"question": "Rate", "options": ["a"]}, {}, "choice"),
        ({"question": "Rate", "options": []}, None, "data"),
        ({"question": "Rate", "options": {"a": 1}}, None, "data"),
        ({"question": "Rate"}, None, "data"),
        ({}, None, "data"),
        (None, None, "text"),
        ([], None, "text"),
        ([{"question": "Rate"}], None, "text"),
        (5, None, "text"),
    ],
    ids=repr,
)
def test_the_kind_follows_from_the_payload(value: Any, schema: Any, kind: str) -> None:
    assert questions.detect(value, schema).name == kind
    assert questions.get(kind).name == kind


def test_a_kind_that_is_unknown_here_is_answered_as_data() -> None:
    kind = questions.get("from-a-later-version")
    assert kind.name == "data"
    assert kind.describe("text").title == "text"
    assert kind.check([1], "text", None) == [1]


@pytest.mark.parametrize("answer", ANY_JSON, ids=repr)
@pytest.mark.parametrize("value", ["text", {"question": "?"}, None], ids=repr)
def test_any_json_value_answers_a_question_without_a_schema(value: Any, answer: Any) -> None:
    kind = questions.detect(value, None)
    assert kind.schema(value, None) is None
    assert kind.check(answer, value, None) is answer


def test_a_schema_decides_which_answers_are_legal() -> None:
    kind = questions.detect("Rate", SCORE)
    assert kind.schema("Rate", SCORE) == SCORE
    assert kind.check({"score": 1}, "Rate", SCORE) == {"score": 1}
    with pytest.raises(InvalidAnswer, match=r"\$\.score This must be at least 1|\$\.score: ") as caught:
        kind.check({"score": 0}, "Rate", SCORE)
    assert caught.value.errors == [("$.score", "This must be at least 1.")]


@pytest.mark.parametrize("name", ["schema", "data", "text", "unknown"])
def test_a_schema_is_never_passed_over(name: str) -> None:
    with pytest.raises(InvalidAnswer):
        questions.get(name).check("x", "Rate", SCORE)


CHOICE = {"question": "Ship it?", "options": ["ship", "hold"], "defaults": ["hold"]}
SEVERAL = {**CHOICE, "multiple": True}


def check(answer: Any, value: Any) -> Any:
    return questions.detect(value, None).check(answer, value, None)


def test_a_choice_is_one_of_the_options() -> None:
    assert check("ship", CHOICE) == "ship"
    for wrong in ("Ship", "", None, ["ship"], 0, {"chosen": "ship"}):
        with pytest.raises(InvalidAnswer, match=r'Choose from: "ship", "hold"\.') as caught:
            check(wrong, CHOICE)
        assert [path for path, _ in caught.value.errors] == [""]


def test_several_choices_are_a_list_of_options() -> None:
    for right in ([], ["hold"], ["hold", "ship"]):
        assert check(right, SEVERAL) == right
    with pytest.raises(InvalidAnswer, match="list of options"):
        check("ship", SEVERAL)
    with pytest.raises(InvalidAnswer) as caught:
        check(["ship", "no", "ship"], SEVERAL)
    assert [path for path, _ in caught.value.errors] == ["$[1]", "$[2]"]
    assert "twice" in caught.value.errors[1][1]


def test_options_are_told_apart_by_type() -> None:
    value = {"options": [1, True, 1.0, "1", None]}
    for option in value["options"]:
        found = check(option, value)
        assert type(found) is type(option)
        assert found == option
    with pytest.raises(InvalidAnswer):
        check(True, {"options": [1]})


class Fate(enum.Enum):
    SHIP = "ship"


codec.register(Fate)


def test_an_option_can_be_chosen_as_a_page_shows_it() -> None:
    value = {"options": [Fate.SHIP, Decimal("1.50"), ("a", 1)]}
    assert check("ship", value) is Fate.SHIP
    assert check("1.50", value) == Decimal("1.50")
    assert check(["a", 1], value) == ("a", 1)
    assert check(Fate.SHIP, value) is Fate.SHIP


def test_a_choice_tells_its_schema() -> None:
    kind = questions.get("choice")
    assert kind.schema(CHOICE, None) == {"enum": ["ship", "hold"]}
    assert kind.schema(SEVERAL, None) == {
        "type": "array", "items": {"enum": ["ship", "hold"]}, "uniqueItems": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "described"),
    [
        ("What is your name?", Description("What is your name?")),
        ("# Refund\n\n40 € to Ana", Description("Refund", "# Refund\n\n40 € to Ana")),
        ("", Description("A question without text")),
        (None, Description("A question without text")),
        (False, Description("false")),
        ([1, 2], Description("[1, 2]")),
        ({}, Description("A question without text")),
        ({"question": "Approve?", "draft": "text"}, Description("Approve?", "text")),
        (
            {"amount": 40, "title": "Refund", "subject": "Order 7", "body": "**Now**"},
            Description("Refund", "**Now**", (("amount", 40), ("subject", "Order 7"))),
        ),
        ({"title": "", "message": "Hello"}, Description("Hello", "", (("title", ""),))),
        ({"title": 5, "draft": "Dear Ana,\nno."}, Description("Dear Ana,", "Dear Ana,\nno.", (("title", 5),))),
        (
            {"amount": 40, "to": {"name": "Ana"}},
            Description('amount: 40, to: {"name": "Ana"}', "", (("amount", 40), ("to", {"name": "Ana"}))),
        ),
        ({"question": "One\ntwo", "text": "three"}, Description("One", "One\ntwo\n\nthree")),
        ({**CHOICE, "order": 7}, Description("Ship it?", "", (("order", 7),))),
        ({1: "a", "title": "x"}, Description("x", "", (("1", "a"),))),
    ],
    ids=repr,
)
def test_a_question_says_what_it_asks(value: Any, described: Description) -> None:
    assert questions.detect(value, None).describe(value) == described


def test_a_long_title_is_cut_and_the_whole_text_is_in_the_body() -> None:
    text = "word " * 100
    for value in (text, {"question": text}):
        told = questions.detect(value, None).describe(value)
        assert len(told.title) <= 200
        assert told.title.endswith("…")
        assert told.body == text.strip()


def test_a_long_value_without_text_is_shown_whole() -> None:
    value = [{"n": n} for n in range(100)]
    told = questions.detect(value, None).describe(value)
    assert len(told.title) <= 200
    assert json.loads(told.body.strip("`").removeprefix("json")) == value


def test_a_title_cannot_reorder_or_break_the_line_it_stands_in() -> None:
    told = questions.detect("", None).describe("Pay\x00 \u202e€ 5\ud800\tnow")
    assert told.title == "Pay € 5 now"
    assert questions.detect("", None).describe("👩\u200d🚒?").title == "👩\u200d🚒?"


payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["question", "title", "options", "body", "draft", "multiple"]), inner, max_size=4
        )
        | st.dictionaries(st.sampled_from(["action_requests", "reviewConfigs", "config", "url"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(payloads)
def test_every_payload_has_a_kind_and_a_title(value: Any) -> None:
    for shown in (value, codec.plain(codec.encode(value))):
        kind = questions.detect(shown, None)
        for name in {kind.name, *(known.name for known in questions.kinds())}:
            title = questions.get(name).describe(shown).title
            assert title
            assert len(title) <= 200
            assert title.splitlines() == [title]


class Riddle(Kind):
    name = "riddle"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return isinstance(value, dict) and "riddle" in value

    def describe(self, value: Any) -> Description:
        return Description(str(value["riddle"]))


def test_a_projects_own_kind_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_kinds", list(questions.kinds()))
    riddle = questions.register(Riddle())
    assert questions.detect({"riddle": "?", "options": ["a"]}, SCORE) is riddle
    assert questions.detect({"options": ["a"]}, None).name == "choice"
    again = questions.register(Riddle())
    assert questions.get("riddle") is again
    assert len(questions.kinds()) == 9
