"""The answer form of each kind of question, and the value it gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from hitl import codec
from hitl.models import Interrupt
from reviewer.forms.answer import Answer, DataAnswer
from reviewer.forms.kinds import form_for
from tests.reviewer.factories import form_of, question

pytestmark = pytest.mark.django_db


def filled(asked: Interrupt, **fields: Any) -> Answer:
    data = MultiValueDict({name: value if isinstance(value, list) else [value] for name, value in fields.items()})
    data.update({"version": str(asked.version), "token": "t"})
    posted = QueryDict(mutable=True)
    posted.update(data)
    return form_for(asked, posted)


def value(asked: Interrupt, **fields: Any) -> Any:
    form = filled(asked, **fields)
    assert form.is_valid(), form.errors
    return form.value()


def errors(asked: Interrupt, **fields: Any) -> dict[str, list[str]]:
    form = filled(asked, **fields)
    assert not form.is_valid()
    return {name: list(messages) for name, messages in form.errors.items()}


def test_a_text() -> None:
    assert value(question("Why?"), answer=" As typed, äöü 🙂 ") == " As typed, äöü 🙂 "


class TestChoice:
    def test_up_to_four_options_are_buttons(self) -> None:
        asked = question({"question": "Ship?", "options": ["ship", "hold", 3, True]})
        assert form_for(asked).buttons == [
            ("0", "ship", False),
            ("1", "hold", False),
            ("2", "3", False),
            ("3", "yes", False),
        ]
        assert [value(asked, answer=str(place)) for place in range(4)] == ["ship", "hold", 3, True]

    def test_the_default_is_suggested(self) -> None:
        asked = question({"question": "Ship?", "options": ["ship", "hold"], "defaults": ["hold"]})
        assert [suggested for _, _, suggested in form_for(asked).buttons] == [False, True]

    def test_more_are_a_list_that_starts_without_a_choice(self) -> None:
        asked = question({"question": "Who?", "options": ["a", "b", "c", "d", "e"]})
        assert form_for(asked).buttons == []
        assert value(asked, answer="4") == "e"
        assert errors(asked, answer="") == {"answer": ["Choose one of the options."]}

    def test_several(self) -> None:
        asked = question({"question": "Which?", "options": ["a", "b", "c"], "multiple": True, "defaults": ["b"]})
        assert form_for(asked).buttons == []
        assert form_for(asked).fields["answer"].initial == ["1"]
        assert value(asked, answer=["0", "2"]) == ["a", "c"]
        assert value(asked) == []

    def test_what_is_no_option(self) -> None:
        asked = question({"question": "Ship?", "options": ["ship", "hold"]})
        for answer in ("9", "ship", "-1"):
            assert errors(asked, answer=answer)["answer"] == ["Choose one of the options."]


class TestData:
    ASKED = {"question": "Anything?", "draft": "text"}

    def test_text_is_sent_as_typed(self) -> None:
        assert value(question(self.ASKED), answer="[1, 2]", mode="text") == "[1, 2]"

    def test_json_is_parsed(self) -> None:
        asked = question(self.ASKED)
        assert value(asked, answer='{"a": [1, 2.5, null]}', mode="json") == {"a": [1, 2.5, None]}
        assert value(asked, answer="null", mode="json") is None
        assert value(asked, answer="{}", mode="json") == {}

    @pytest.mark.parametrize("text", ["{", "'a'", "NaN", "[1,]", "[" * 100_000, "1" * 5000])
    def test_what_is_not_json_says_where(self, text: str) -> None:
        (message,) = errors(question(self.ASKED), answer=text, mode="json")["answer"]
        assert message.startswith(("This is not JSON: ", "This JSON cannot be taken: "))

    def test_a_kind_that_nobody_knows_any_more_is_answered_as_data(self) -> None:
        asked = question(self.ASKED)
        asked.kind = "gone"
        assert isinstance(form_for(asked), DataAnswer)


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or []}


class TestSchema:
    """Fields from a JSON Schema."""

    @pytest.mark.parametrize(
        ("part", "typed", "wanted"),
        [
            ({"type": "string"}, "a\r\nb", "a\nb"),
            ({"type": "string", "format": "email"}, "a@x.io", "a@x.io"),
            ({"type": "string", "format": "uri"}, "https://x.io/a b", "https://x.io/a b"),
            ({"type": "string", "format": "date"}, "2026-11-23", "2026-11-23"),
            ({"type": "string", "format": "date-time"}, "2026-11-23T18:00", "2026-11-23T18:00:00+00:00"),
            ({"type": "string", "format": "password"}, "s3cret ", "s3cret "),
            ({"type": "integer"}, "4", 4),
            ({"type": "number"}, "4", 4),
            ({"type": "number"}, "4.5", 4.5),
            ({"type": "boolean"}, "on", True),
            ({"enum": ["a", 1, "1", True, None]}, "1", 1),
            ({"enum": ["a", 1, "1", True, None]}, "2", "1"),
            ({"enum": ["a", 1, "1", True, None]}, "4", None),
            ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]}, "1", 2),
            ({"type": "array", "items": {"enum": ["a", "b", "c"]}}, ["0", "2"], ["a", "c"]),
            ({"type": "array", "items": {"type": "string"}}, "one\r\n\r\ntwo", ["one", "two"]),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", 7),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "", None),
            ({"type": ["integer", "null"]}, "", None),
            ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "1", False),
            ({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "x"}]}, "40.00", "40.00"),
            ({"$ref": "#/$defs/Level"}, "1", "high"),
            ({"type": "object", "additionalProperties": {"type": "integer"}}, '{"a": 1}', {"a": 1}),
            ({"type": "array", "items": {"type": "integer"}}, "1\r\n\r\n-2", [1, -2]),
            ({"type": "array", "items": {"type": "number"}}, "1\n2.5", [1, 2.5]),
            ({"type": "array", "items": {"type": "object"}}, '[{"a": 1}]', [{"a": 1}]),
            ({}, '{"any": "thing"}', {"any": "thing"}),
        ],
    )
    def test_a_required_field(self, part: dict[str, Any], typed: Any, wanted: Any) -> None:
        whole = {**schema(["it"], it=part), "$defs": {"Level": {"enum": ["low", "high"]}}}
        asked = question({"question": "?"}, schema=whole)
        result = value(asked, **{"answer.it": typed})
        assert result == {"it": wanted}
        assert type(result["it"]) is type(wanted)

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "string"},
            {"type": "integer"},
            {"enum": ["a", "b"]},
            {"type": "array", "items": {"type": "string"}},
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            schema(["city"], city={"type": "string"}),
        ],
    )
    def test_an_optional_field_that_is_left_empty_is_left_out(self, part: dict[str, Any]) -> None:
        assert value(question({"question": "?"}, schema=schema(it=part))) == {}

    @pytest.mark.parametrize(
        "part", [{"type": "string"}, {"type": "integer"}, {"enum": ["a", "b"]}, {"enum": list("abcdef")}, {}]
    )
    def test_a_required_field_that_is_left_empty(self, part: dict[str, Any]) -> None:
        asked = question({"question": "?"}, schema=schema(["it"], it=part))
        assert "answer.it" in errors(asked)

    def test_defaults_are_filled_in(self) -> None:
        parts = {
            "text": {"type": "string", "default": "a"},
            "pick": {"enum": ["a", "b"], "default": "b"},
            "picks": {"type": "array", "items": {"enum": ["a", "b"]}, "default": ["b"]},
            "moment": {"type": "string", "format": "date-time", "default": "2026-11-23T18:00:00Z"},
        }
        form = form_for(question({"question": "?"}, schema=schema(**parts)))
        initial = {name: form.fields[f"answer.{name}"].initial for name in parts}
        assert initial == {
            "text": "a",
            "pick": "1",
            "picks": ["1"],
            "moment": datetime(2026, 11, 23, 18, tzinfo=UTC),
        }

    def test_groups_are_objects(self) -> None:
        address = schema(["city"], city={"type": "string"}, zip={"type": "string"})
        asked = question({"question": "?"}, schema=schema(["home"], home=address))
        assert value(asked, **{"answer.home.city": "Graz"}) == {"home": {"city": "Graz"}}

    def test_a_constant_is_not_asked(self) -> None:
        asked = question({"question": "?"}, schema=schema(["kind"], kind={"const": "x"}, n={"type": "integer"}))
        assert list(form_for(asked).fields) == ["version", "token", "answer.n"]
        assert value(asked, **{"answer.n": "1"}) == {"kind": "x", "n": 1}

    def test_a_schema_that_is_no_object_is_one_field(self) -> None:
        asked = question({"question": "?"}, schema={"type": "integer", "title": "How many"})
        assert form_for(asked).fields["answer"].label == "How many"
        assert value(asked, answer="3") == 3

    def test_keys_that_cannot_stand_in_a_name(self) -> None:
        asked = question({"question": "?"}, schema=schema(["a b\"'"], **{"a b\"'": {"type": "string"}}))
        assert value(asked, **{"answer.0": "x"}) == {"a b\"'": "x"}

    def test_a_schema_without_end_is_answered_as_json(self) -> None:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}}
        asked = question({"question": "?"}, schema={"$ref": "#/$defs/node", "$defs": {"node": node}})
        assert "answer.next.next.next.next" in form_for(asked).fields

    def test_a_schema_with_too_many_fields_is_one_field_of_json(self) -> None:
        many = {f"f{number}": {"type": "string"} for number in range(200)}
        asked = question({"question": "?"}, schema=schema(**many))
        assert value(asked, answer='{"f1": "x"}') == {"f1": "x"}


class TestBranches:
    """One of several objects: the button that sends the form chooses it."""

    SCHEMA = {
        "oneOf": [
            {
                "title": "Approve",
                **schema(["decision", "amount"], decision={"const": "yes"}, amount={"type": "number", "maximum": 40}),
            },
            {
                "title": "Refuse",
                **schema(["decision", "why"], decision={"const": "no"}, why={"type": "string", "minLength": 3}),
            },
        ]
    }

    @pytest.fixture
    def asked(self) -> Interrupt:
        return question({"question": "Refund?"}, schema=self.SCHEMA)

    def test_each_is_a_button(self, asked: Interrupt) -> None:
        assert form_for(asked).buttons == [("0", "Approve", False), ("1", "Refuse", False)]

    def test_only_the_fields_of_the_chosen_one_count(self, asked: Interrupt) -> None:
        posted = {"answer.0.amount": "not a number", "answer.1.why": "too late"}
        assert value(asked, **{"answer.choice": "1", **posted}) == {"decision": "no", "why": "too late"}

    def test_errors_of_the_chosen_one_stand_at_its_fields(self, asked: Interrupt) -> None:
        assert list(errors(asked, **{"answer.choice": "0", "answer.0.amount": "41"})) == ["answer.0.amount"]
        assert list(errors(asked, **{"answer.choice": "1", "answer.1.why": ""})) == ["answer.1.why"]

    def test_without_a_button_nothing_is_guessed(self, asked: Interrupt) -> None:
        assert "answer.choice" in errors(asked, **{"answer.0.amount": "40", "answer.1.why": "no"})

    def test_enter_in_a_field_presses_no_button(self, client: Client, ben: User, asked: Interrupt) -> None:
        client.force_login(ben)
        page = client.get(reverse("reviewer:question", args=[asked.id])).content.decode()
        form = page[page.index("data-answer") :]
        assert form.index('<button type="submit" disabled hidden>') < form.index(">Approve</span>")


class TestTabs:
    """One of several objects within a form: the discriminator chooses, and only what is chosen counts."""

    CARD = {"title": "CardPayment", **schema(["by", "number"], by={"const": "card"}, number={"type": "integer"})}
    BANK = schema(["by", "iban"], by={"const": "bank"}, iban={"type": "string", "minLength": 4})

    def asked(self, *, required: bool = True, default: Any = None, more: int = 0) -> Interrupt:
        branches = [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Bank"}]
        branches += [schema(["by"], by={"const": f"voucher {at}"}) for at in range(more)]
        pay = {"oneOf": branches, "title": "Payment", "discriminator": {"propertyName": "by"}}
        whole = schema(["pay"] if required else [], pay=pay if default is None else {**pay, "default": default})
        definitions = {"Card": self.CARD, "Bank": self.BANK}
        return question({"question": "?"}, schema={**whole, "$defs": definitions})

    def test_each_is_a_tab_with_a_name(self) -> None:
        form = form_for(self.asked())
        assert form.fields["answer.pay.choice"].choices == [("0", "Card payment"), ("1", "bank")]  # type: ignore[attr-defined]

    def test_only_what_is_chosen_counts(self) -> None:
        typed = {"answer.pay.0.number": "nonsense", "answer.pay.1.iban": "AT61"}
        asked = self.asked()
        assert value(asked, **{"answer.pay.choice": "1", **typed}) == {"pay": {"by": "bank", "iban": "AT61"}}
        assert list(errors(asked, **{"answer.pay.choice": "0", **typed})) == ["answer.pay.0.number"]
        assert errors(asked, **typed)["answer.pay.choice"] == ["Choose one of these."]

    def test_errors_of_the_engine_stand_at_the_chosen_field(self, client: Client, ben: User) -> None:
        client.force_login(ben)
        asked = self.asked()
        posted = form_of(asked, **{"answer.pay.choice": "1", "answer.pay.1.iban": "x"})
        response = client.post(reverse("reviewer:answer", args=[asked.id]), posted)
        assert (response.status_code, list(response.context["form"].errors)) == (422, ["answer.pay.1.iban"])
        assert '<div class="tab" data-tab="1">' in response.content.decode()

    def test_it_may_be_left_out_where_it_is_optional(self) -> None:
        assert value(self.asked(required=False), **{"answer.pay.choice": ""}) == {}

    def test_a_default_chooses_and_fills_in(self) -> None:
        form = form_for(self.asked(default={"by": "bank", "iban": "AT61"}))
        assert form.fields["answer.pay.choice"].initial == "1"
        assert form.fields["answer.pay.1.iban"].initial == "AT61"

    def test_many_are_a_list_to_choose_from(self) -> None:
        assert value(self.asked(more=4), **{"answer.pay.choice": "4"}) == {"pay": {"by": "voucher 2"}}

    def test_too_many_buttons_are_tabs_too(self) -> None:
        branches = [schema(["by", "n"], by={"const": f"kind {at}"}, n={"type": "integer"}) for at in range(6)]
        asked = question({"question": "?"}, schema={"oneOf": branches})
        assert form_for(asked).buttons == []
        assert value(asked, **{"answer.choice": "5", "answer.5.n": "1"}) == {"by": "kind 5", "n": 1}

    def test_a_proposal_is_changed_within_its_tab(self) -> None:
        args = {"pay": {"by": "card", "number": 7, "note": "kept"}, "on": True}
        definitions = {"Card": self.CARD, "Bank": self.BANK}
        pay = {"oneOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Bank"}]}
        payload = {
            "action_requests": [{"name": "pay", "args": args}],
            "review_configs": [
                {
                    "action_name": "pay",
                    "allowed_decisions": ["approve", "edit"],
                    "args_schema": {**schema(["pay"], pay=pay, on={"type": "boolean"}), "$defs": definitions},
                }
            ],
        }
        asked = question(payload)
        typed = {"a0.decision": "edit", "a0.args.on": "on"}

        def edited(**fields: str) -> Any:
            sent = value(asked, **typed, **{f"a0.args.pay.{name}": text for name, text in fields.items()})
            return sent["decisions"][0]["edited_action"]["args"]

        other = edited(**{"choice": "1", "0.number": "7", "1.iban": "AT61"})
        assert other == {"pay": {"by": "bank", "iban": "AT61"}, "on": True}
        assert edited(**{"choice": "0", "0.number": "8", "1.iban": ""})["pay"] == {
            "by": "card",
            "number": 8,
            "note": "kept",
        }


@pytest.mark.parametrize(
    ("part", "widget", "attributes"),
    [
        ({"type": "string", "x-ui": "textarea"}, forms.Textarea, {"rows": 4}),
        (
            {"type": "string", "x-ui": {"widget": "textarea", "rows": 9, "placeholder": "So…"}},
            forms.Textarea,
            {"rows": 9, "placeholder": "So…"},
        ),
        ({"type": "string", "x-ui": "password"}, forms.PasswordInput, {}),
        ({"enum": ["a", "b"], "x-ui": "select"}, forms.Select, {}),
        ({"enum": list("abcdef"), "x-ui": "radio"}, forms.RadioSelect, {}),
        ({"type": "string", "x-ui": ["nonsense"]}, forms.Textarea, {"rows": 1}),
    ],
)
def test_hints_about_the_look(part: dict[str, Any], widget: type[forms.Widget], attributes: dict[str, Any]) -> None:
    field = form_for(question({"question": "?"}, schema=schema(it=part))).fields["answer.it"]
    assert type(field.widget) is widget
    assert attributes.items() <= field.widget.attrs.items()


def test_a_line_that_is_no_number_is_named() -> None:
    asked = question({"question": "?"}, schema=schema(it={"type": "array", "items": {"type": "integer"}}))
    assert errors(asked, **{"answer.it": "1\n\n2.5"}) == {"answer.it": ["Line 2 is no whole number: 2.5"]}


def test_a_whole_answer_through_the_page(client: Client, ben: User) -> None:
    client.force_login(ben)
    asked = question({"question": "Refund?"}, schema=TestBranches.SCHEMA)
    posted = form_of(asked, **{"answer.choice": "0", "answer.0.amount": "39.5"})
    assert client.post(reverse("reviewer:answer", args=[asked.id]), posted).status_code == 303
    asked.refresh_from_db()
    assert codec.plain(asked.answer or "") == {"decision": "yes", "amount": 39.5}
