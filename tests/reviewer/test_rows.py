"""A list of objects is filled in row by row: rows come and go by buttons, and nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from hitl import codec, verbs
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer import drafts
from reviewer.forms import rows
from reviewer.forms.kinds import form_for
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db

LINE = {
    "type": "object",
    "properties": {
        "item": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "gift": {"type": "boolean"},
    },
    "required": ["item", "count"],
}


def order(**lines: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "lines": {"type": "array", "items": LINE, "title": "Lines", **lines},
            "note": {"type": "string"},
        },
        "required": ["lines"],
    }


def ask(**lines: Any) -> Interrupt:
    return question({"question": "What is ordered?"}, schema=order(**lines))


def row(key: int, item: str = "lamp", count: str = "2", **more: str) -> dict[str, str]:
    typed = {"item": item, "count": count, **more}
    return {f"answer.lines.{key}.{name}": text for name, text in typed.items()}


def post(client: Client, asked: Interrupt, *, path: str = "answer/", **more: Any) -> Any:
    pressed = more.pop("press", None)
    data = {"version": asked.version, "token": "t", **more.pop("fields", {}), **({"rows": pressed} if pressed else {})}
    return client.post(f"/questions/{asked.id}/{path}", data, **more)


def values(page: Any) -> dict[str, str]:
    html = page.content.decode()
    inputs = re.findall(r"<input [^>]*>", html)
    found = {}
    for one in inputs:
        name, value = re.search(r'name="(answer[^"]*)"', one), re.search(r'value="([^"]*)"', one)
        if name:
            found[name[1]] = value[1] if value else ""
    return found | dict(re.findall(r'<textarea name="(answer[^"]*)"[^>]*>\s*([^<]*)</textarea>', html))


def answered(asked: Interrupt) -> Any:
    drain()
    asked.refresh_from_db()
    return codec.plain(asked.answer) if asked.answer else None


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def test_it_begins_with_the_rows_that_are_proposed_or_demanded(desk: Client) -> None:
    assert values(desk.get(f"/questions/{ask().id}/"))["answer.lines.rows"] == ""
    assert values(desk.get(f"/questions/{ask(minItems=2).id}/"))["answer.lines.rows"] == "0,1"
    found = values(desk.get(f"/questions/{ask(default=[{'item': 'desk', 'count': 1}]).id}/"))
    assert (found["answer.lines.rows"], found["answer.lines.0.item"], found["answer.lines.0.count"]) == (
        "0",
        "desk",
        "1",
    )


def test_a_row_is_added_and_what_was_typed_stays(desk: Client, ben: User) -> None:
    asked = ask()
    fields = {"answer.lines.rows": "0", **row(0, count="no number"), "answer.note": "soon"}
    page = post(desk, asked, press="answer.lines add", fields=fields)
    assert page.status_code == 200
    found = values(page)
    assert found["answer.lines.rows"] == "0,1"
    assert (found["answer.lines.0.item"], found["answer.note"]) == ("lamp", "soon")
    assert re.search(r'name="answer.lines.1.item"[^>]* autofocus', page.content.decode())
    assert "errorlist" not in page.content.decode() and 'class="errors"' not in page.content.decode()
    assert answered(asked) is None
    draft = drafts.of(asked, ben)
    assert draft and draft.fields["answer.lines.rows"] == ["0,1"]
    assert values(desk.get(f"/questions/{asked.id}/"))["answer.lines.rows"] == "0,1", "and after a reload"


def test_one_is_removed_and_the_others_keep_theirs(desk: Client) -> None:
    asked = ask()
    fields = {"answer.lines.rows": "0,1,2", **row(0, "lamp"), **row(1, "desk"), **row(2, "chair")}
    page = post(desk, asked, press="answer.lines remove 1", fields=fields)
    found = values(page)
    assert found["answer.lines.rows"] == "0,2"
    assert [found[f"answer.lines.{key}.item"] for key in (0, 2)] == ["lamp", "chair"]
    assert "Lines 2" in page.content.decode() and "Lines 3" not in page.content.decode()


def test_types_are_kept_and_rows_sent_in_order(desk: Client) -> None:
    asked = ask()
    fields = {"answer.lines.rows": "0,2", **row(0, "3", price="2.50"), **row(2, "chair", "4", gift="on")}
    assert post(desk, asked, fields=fields).status_code == 303
    assert answered(asked) == {
        "lines": [{"item": "3", "count": 2, "price": 2.5, "gift": False}, {"item": "chair", "count": 4, "gift": True}]
    }


def test_no_rows_is_an_empty_list(desk: Client) -> None:
    asked = ask()
    post(desk, asked, fields={"answer.lines.rows": ""})
    assert answered(asked) == {"lines": []}


def test_errors_stand_in_their_row(desk: Client) -> None:
    asked = ask()
    fields = {"answer.lines.rows": "0,7", **row(0), **row(7, "desk", "0")}
    page = post(desk, asked, fields=fields)
    assert page.status_code == 422
    form = page.context["form"]
    assert list(form.errors) == ["answer.lines.7.count"]
    page = post(desk, asked, fields={**fields, **row(7, "", "1")})
    assert list(page.context["form"].errors) == ["answer.lines.7.item"]


def test_too_few_are_told_beside_the_list(desk: Client) -> None:
    asked = ask(minItems=2)
    page = post(desk, asked, fields={"answer.lines.rows": "0", **row(0)})
    assert list(page.context["form"].errors) == ["answer.lines.rows"]
    assert 'id="id_answer.lines.rows_error"' in page.content.decode()


def test_there_is_an_end_to_the_rows(desk: Client) -> None:
    asked = ask()
    full = ",".join(map(str, range(rows.MOST_ROWS)))
    page = post(desk, asked, press="answer.lines add", fields={"answer.lines.rows": full})
    assert values(page)["answer.lines.rows"].count(",") == rows.MOST_ROWS - 1
    assert 'value="answer.lines add"' not in page.content.decode()


@pytest.mark.parametrize("keys", ["x", "0,,1", "-1", "99999", "0;1", "0," * 500 + "0"])
def test_keys_that_make_no_sense_are_no_rows(desk: Client, keys: str) -> None:
    asked = ask()
    page = post(desk, asked, press="answer.lines add", fields={"answer.lines.rows": keys})
    assert page.status_code == 200


@pytest.mark.parametrize("press", ["answer.lines burn", "answer.other add", "answer.lines remove 99", "add"])
def test_a_button_that_is_none_breaks_nothing(desk: Client, press: str) -> None:
    asked = ask()
    assert post(desk, asked, press=press, fields={"answer.lines.rows": "0", **row(0)}).status_code in (200, 303)


def test_an_answer_that_was_given_back_stands_there_with_its_rows(ben: User) -> None:
    form = form_for(ask())
    form.recall({"lines": [{"item": "a", "count": 1}, {"item": "b", "count": 2}]})
    assert [form[f"answer.lines.{at}.item"].value() for at in range(2)] == ["a", "b"]


def test_what_is_deeper_or_larger_stays_json() -> None:
    nested = {"type": "object", "properties": {"parts": {"type": "array", "items": LINE}}}
    asked = question("?", schema={"type": "object", "properties": {"lines": {"type": "array", "items": nested}}})
    form = form_for(asked, typed=QueryDict("answer.lines.rows=0"))
    assert form.fields["answer.lines.0.parts"].help_text == "As JSON."
    many = [{"item": "a", "count": 1}] * (rows.MOST_ROWS + 1)
    assert "As JSON." in str(form_for(ask(default=many)).fields["answer.lines"].help_text)


def test_a_list_is_a_whole_answer_too(desk: Client) -> None:
    asked = question("Which?", schema={"type": "array", "items": LINE})
    post(desk, asked, fields={"answer.rows": "0", "answer.0.item": "lamp", "answer.0.count": "1"})
    assert answered(asked) == [{"item": "lamp", "count": 1, "gift": False}]


def test_a_stale_page_is_told_before_a_row_comes(desk: Client, ana: User) -> None:
    asked = ask()
    verbs.answer(asked.id, {"lines": []}, version=1, by=ana)
    page = post(desk, asked, press="answer.lines add", fields={"answer.lines.rows": "0", **row(0)})
    assert page.status_code == 409


class TestProposed:
    """Arguments of a proposed action, of which one is a list of objects."""

    ARGS = {"lines": [{"item": "lamp", "count": 2, "extra": "kept"}, {"item": "desk", "count": 1}]}

    def ask(self) -> Interrupt:
        request = {"name": "place_order", "args": self.ARGS, "description": "", "args_schema": order()}
        config = {"action_name": "place_order", "allowed_decisions": ["approve", "edit"], "args_schema": order()}
        return question({"action_requests": [request], "review_configs": [config]})

    def sent(self, asked: Interrupt, **fields: str) -> Any:
        data = QueryDict(mutable=True)
        form = form_for(asked)
        for name, field in form.fields.items():
            data[name] = field.widget.format_value(form[name].value()) or ""
        data.update({**fields})
        return form_for(asked, data)

    def test_left_alone_it_is_what_was_proposed(self) -> None:
        form = self.sent(self.ask(), **{"a0.decision": "approve"})
        assert form.is_valid(), form.errors
        assert form.value() == {"decisions": [{"type": "approve"}]}

    def test_one_cell_changes_one_value(self) -> None:
        form = self.sent(self.ask(), **{"a0.decision": "edit", "a0.args.lines.1.count": "5"})
        assert form.is_valid(), form.errors
        lines = form.value()["decisions"][0]["edited_action"]["args"]["lines"]
        assert lines == [self.ARGS["lines"][0], {"item": "desk", "count": 5}]

    def test_a_row_that_is_gone_is_a_change(self) -> None:
        form = self.sent(self.ask(), **{"a0.decision": "approve", "a0.args.lines.rows": "1"})
        assert not form.is_valid() and "You changed something" in str(form.errors)
        form = self.sent(self.ask(), **{"a0.decision": "edit", "a0.args.lines.rows": "1"})
        assert form.is_valid(), form.errors
        assert form.value()["decisions"][0]["edited_action"]["args"]["lines"] == [self.ARGS["lines"][1]]
