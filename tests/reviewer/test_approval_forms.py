"""The forms of questions that propose actions: a decision each, edits that keep their types, nothing lost by a slip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from hitl import codec, questions, verbs
from hitl.models import Checkpoint, Interrupt
from hitl.questions.approval import Approval
from reviewer.forms.approval import ApprovalAnswer
from reviewer.forms.kinds import form_for
from tests.questions import TAKEN, Recorded
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db

EMAIL = {"to": "alice@example.com", "subject": "Q3", "priority": 2}
ODD = {
    "count": 3,
    "share": 2.0,
    "huge": 12345678901234567890,
    "tiny": 1e-22,
    "on": True,
    "off": False,
    "nothing": None,
    "empty": "",
    "names": ["a", "b"],
    "none": [],
    "mixed": [1, "1", True, None, {"a": [0.5]}],
    "lines": "one\r\ntwo\n",
    "inner": {"depth": 1, "flag": False, "name": "x"},
    "a b\"'": "odd key",
}


def human(args: Any = EMAIL, **config: bool) -> dict[str, Any]:
    allowed = config or dict.fromkeys(("allow_accept", "allow_edit", "allow_respond", "allow_ignore"), True)
    return {"action_request": {"action": "send_email", "args": args}, "config": allowed, "description": ""}


def batch(*allowed: list[str]) -> dict[str, Any]:
    return {
        "action_requests": [{"name": "send_email", "args": EMAIL, "description": ""} for _ in allowed],
        "review_configs": [{"action_name": "send_email", "allowed_decisions": list(one)} for one in allowed],
    }


ALL = ["approve", "edit", "reject", "respond"]


def posted(asked: Interrupt, **fields: Any) -> QueryDict:
    """What a browser sends: every field as the page shows it, with these changed."""
    form = form_for(asked)
    data = QueryDict(mutable=True)
    for bound in form:
        raw = bound.field.widget.format_value(bound.value()) if hasattr(bound.field.widget, "format_value") else None
        if bound.widget_type == "checkbox":
            if bound.value():
                data[bound.html_name] = "on"
        elif isinstance(raw, list | tuple):
            data.setlist(bound.html_name, [one for one in raw if one])
        elif raw is not None:
            data[bound.html_name] = str(raw).replace("\r\n", "\n").replace("\n", "\r\n")
    for name, value in fields.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def filled(asked: Interrupt, **fields: Any) -> Any:
    return form_for(asked, posted(asked, **fields))


def value(asked: Interrupt, **fields: Any) -> Any:
    form = filled(asked, **fields)
    assert form.is_valid(), form.errors
    return form.value()


def errors(asked: Interrupt, **fields: Any) -> dict[str, list[str]]:
    form = filled(asked, **fields)
    assert not form.is_valid()
    return {name: list(messages) for name, messages in form.errors.items()}


def same(one: Any, other: Any) -> bool:
    return codec.encode(one) == codec.encode(other)


class TestEdits:
    @pytest.mark.parametrize("changed", ["count", "names", "inner.name", "mixed", "empty", "off"])
    def test_what_is_not_touched_stays_to_the_bit(self, changed: str) -> None:
        typed = {"count": "4", "names": "a\r\nc", "inner.name": "y", "mixed": "[2]", "empty": "now", "off": "on"}
        becomes = {"count": 4, "names": ["a", "c"], "mixed": [2], "empty": "now", "off": True}
        args = value(question(human(ODD)), **{"a0.decision": "edit", f"a0.args.{changed}": typed[changed]})[0]["args"]
        inner = {**ODD["inner"], "name": "y"} if changed == "inner.name" else ODD["inner"]
        wanted = {**ODD, "inner": inner} | ({changed: becomes[changed]} if changed in becomes else {})
        assert same(args["args"], wanted)

    def test_a_number_stays_a_number_and_may_become_a_broken_one(self) -> None:
        asked = question(human())
        for typed, wanted in (("3", 3), ("2.5", 2.5)):
            args = value(asked, **{"a0.decision": "edit", "a0.args.priority": typed})[0]["args"]["args"]
            assert same(args["priority"], wanted)
        assert "a0.args.priority" in errors(asked, **{"a0.decision": "edit", "a0.args.priority": "high"})

    def test_a_text_may_be_emptied(self) -> None:
        args = value(question(human()), **{"a0.decision": "edit", "a0.args.subject": ""})[0]["args"]["args"]
        assert same(args, {**EMAIL, "subject": ""})

    def test_an_action_without_arguments_takes_some_as_json(self) -> None:
        asked = question(human({}))
        assert value(asked, **{"a0.decision": "edit", "a0.args": '{"n": 3}'})[0]["args"]["args"] == {"n": 3}

    def test_arguments_with_a_schema_get_its_fields_and_keep_what_it_does_not_mention(self) -> None:
        properties = {
            "priority": {"type": "integer", "maximum": 5},
            "to": {"type": "string", "format": "email"},
            "cc": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
            "level": {"$ref": "#/$defs/Level", "default": "low"},
        }
        args_schema = {"type": "object", "properties": properties, "$defs": {"Level": {"enum": ["low", "high"]}}}
        payload = batch(ALL)
        payload["review_configs"][0]["args_schema"] = args_schema
        asked = question(payload)

        def edited(**fields: str) -> Any:
            given = {"a0.decision": "edit", **{f"a0.args.{name}": typed for name, typed in fields.items()}}
            return value(asked, **given)["decisions"][0]["edited_action"]["args"]

        assert same(edited(priority="3"), {**EMAIL, "priority": 3})
        assert same(edited(level="1"), {**EMAIL, "level": "high"})
        assert same(edited(cc="b@x.io"), {**EMAIL, "cc": ["b@x.io"]})

    def test_a_proposal_of_the_wrong_type_becomes_right_by_being_sent(self) -> None:
        payload = batch(ALL)
        payload["review_configs"][0]["args_schema"] = {
            "type": "object",
            "properties": {"priority": {"type": "integer"}, "subject": {"type": "string"}},
        }
        payload["action_requests"][0]["args"] = {"priority": "2", "subject": 7}
        sent = value(question(payload), **{"a0.decision": "edit"})["decisions"][0]["edited_action"]["args"]
        assert same(sent, {"priority": 2, "subject": "7"})


class TestSlips:
    def test_changed_arguments_are_never_approved_as_proposed(self) -> None:
        found = errors(question(human()), **{"a0.decision": "approve", "a0.args.to": "b@x.io"})
        assert found["a0.decision"][0].startswith("You changed something")

    def test_an_edit_that_changes_nothing_says_so(self) -> None:
        found = errors(question(human()), **{"a0.decision": "edit"})
        assert found["a0.decision"][0].startswith("Nothing is changed yet.")

    def test_words_that_would_be_lost_are_not_lost(self) -> None:
        for decision in ("approve", "ignore"):
            found = errors(question(human()), **{"a0.decision": decision, "a0.message": "but why?"})
            assert found == {"a0.message": ["Words go only with Respond. Choose that, or delete them."]}

    def test_a_response_needs_words_and_a_rejection_does_not(self) -> None:
        asked = question(batch(ALL))
        assert errors(asked, **{"a0.decision": "respond", "a0.message": " "}) == {
            "a0.message": ["Write what the answer is."]
        }
        assert value(asked, **{"a0.decision": "reject"}) == {"decisions": [{"type": "reject"}]}

    def test_what_is_rejected_need_not_be_right(self) -> None:
        asked = question(batch(ALL))
        rejected = {"a0.decision": "reject", "a0.args.priority": "nonsense"}
        assert value(asked, **rejected) == {"decisions": [{"type": "reject"}]}

    def test_what_is_not_allowed_cannot_be_chosen(self) -> None:
        asked = question(human(allow_accept=True))
        assert list(form_for(asked).fields) == ["version", "token", "a0.decision"]
        assert "a0.decision" in errors(asked, **{"a0.decision": "ignore"})

    def test_a_question_that_its_kind_cannot_read_any_more_is_no_dead_end(self) -> None:
        asked = question("Only text")
        for kind in ("hitl_request", "elicitation", "choice", "tool_approval"):
            asked.kind = kind
            assert "mode" in form_for(asked).fields


class TestButtons:
    def test_one_action_is_decided_by_a_button_that_says_what_it_does(self) -> None:
        assert form_for(question(human())).buttons == [
            ("approve", "Send email to alice@example.com", True),
            ("edit", "Edit", False),
            ("respond", "Respond", False),
            ("ignore", "Ignore", False),
        ]
        names = [name for name, _, _ in form_for(question(batch(["reject", "respond", "edit", "approve"]))).buttons]
        assert names == ["approve", "edit", "respond", "reject"]

    def test_several_are_decided_one_by_one_and_sent_together(self) -> None:
        asked = question(batch(ALL, ["approve", "reject"], ALL))
        form = form_for(asked)
        assert (form.buttons, form.send_label) == ([], "Send 3 decisions")
        sent = {"a0.decision": "reject", "a1.decision": "approve", "a2.decision": "edit", "a2.args.to": "b@x.io"}
        edited = {"name": "send_email", "args": {**EMAIL, "to": "b@x.io"}}
        assert value(asked, **sent, **{"a0.message": "No."}) == {
            "decisions": [
                {"type": "reject", "message": "No."},
                {"type": "approve"},
                {"type": "edit", "edited_action": edited},
            ]
        }

    def test_what_is_undecided_is_said_at_its_place(self) -> None:
        asked = question(batch(ALL, ALL))
        assert errors(asked, **{"a1.decision": "approve"}) == {"a0.decision": ["Decide about this."]}

    def test_the_rest_can_be_approved(self) -> None:
        asked = question(batch(ALL, ALL, ALL))
        sent = value(asked, **{"a1.decision": "reject", "rest": "approve"})
        assert sent == {"decisions": [{"type": "approve"}, {"type": "reject"}, {"type": "approve"}]}

    def test_the_rest_is_approved_only_where_that_is_allowed(self) -> None:
        asked = question(batch(ALL, ["reject", "respond"]))
        assert errors(asked, rest="approve") == {"a1.decision": ["Decide about this."]}


def test_several_questions_are_decided_together(client: Client, ben: User) -> None:
    client.force_login(ben)
    dated = {"due": "2026-12-24T18:00:30+01:00", "count": 2.0, "on": True, "text": "a\r\nb"}
    asked = [question(batch(ALL)), question(batch(ALL, ["approve", "edit"])), question(human(dated))]
    picks = {"pick": [f"{one.id}:{one.version}" for one in asked], "token": "t"}
    address = reverse("reviewer:together")
    assert client.get(address, picks).context["choices"] == ["Approve"]
    report = client.post(address, {**picks, "choice": "Approve"}).context
    assert len(report["done"]) == 3, report["not_done"]


def entered(one: Recorded) -> dict[str, Any]:
    """How a person enters an answer that the package took."""
    kind = questions.get(one.kind)
    if not isinstance(kind, Approval):
        return elicited(one)
    fields: dict[str, Any] = {}
    for at, decision in enumerate(kind.decisions(one.value, one.answer)):
        fields[f"a{at}.decision"] = decision.type
        if decision.message:
            fields[f"a{at}.message"] = decision.message
        for key, item in (decision.args or {}).items():
            is_lines = isinstance(item, list) and all(isinstance(line, str) for line in item)
            fields[f"a{at}.args.{key}"] = "\n".join(item) if is_lines else item
    return fields


def elicited(one: Recorded) -> dict[str, Any]:
    fields: dict[str, Any] = {"action": one.answer["action"]}
    for key, item in one.answer.get("content", {}).items():
        schema = one.value["requestedSchema"]["properties"][key]
        choices = schema.get("enum") or [each["const"] for each in schema.get("oneOf", [])]
        if choices:
            item = str(choices.index(item))
        elif schema["type"] == "array":
            offered = schema["items"].get("enum") or [each["const"] for each in schema["items"]["anyOf"]]
            item = [str(offered.index(each)) for each in item]
        elif schema["type"] == "boolean":
            item = "on" if item else []
        fields[f"answer.{key}"] = (
            str(item).removesuffix(":00+00:00") if schema["type"] == "string" and not choices else item
        )
    return fields


# A tool without a schema in the question has no field for an argument that was not proposed.
ENTERABLE = [one for one in TAKEN if one.kind != "hitl_request" or "attachment" not in json.dumps(one.answer)]


@pytest.mark.parametrize("one", ENTERABLE, ids=lambda one: f"{one.kind}-{json.dumps(one.answer)[:60]}")
def test_a_person_can_give_every_answer_that_the_package_took(one: Recorded, client: Client, ben: User) -> None:
    asked = question(one.value, schema=one.schema)
    fields = entered(one)
    attachment = fields.pop("a0.args.attachment", None)
    if attachment:
        fields |= {"a0.args.attachment.path": attachment["path"], "a0.args.attachment.inline": "on"}
    given = posted(asked, **fields)
    edited = [name.split(".")[0] for name, typed in fields.items() if name.endswith(".decision") and typed == "edit"]
    for name in form_for(asked).fields:
        place, _, rest = name.partition(".")
        if place in edited and rest.startswith("args.") and name not in fields:
            given[name] = ""
    client.force_login(ben)
    assert send(client, asked, given).status_code == 303
    asked.refresh_from_db()
    assert codec.plain(asked.answer or "null") == with_defaults(one)


def send(client: Client, asked: Interrupt, given: QueryDict) -> Any:
    address = reverse("reviewer:answer", args=[asked.id])
    return client.post(address, given.urlencode(), content_type="application/x-www-form-urlencoded")


def with_defaults(one: Recorded) -> Any:
    """A form shows defaults and sends them, so that everybody sees what is meant."""
    if "content" not in one.answer or not isinstance(one.value, dict):
        return one.answer
    properties = one.value["requestedSchema"]["properties"]
    defaults = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    return {**one.answer, "content": {**defaults, **one.answer["content"]}}


class TestPages:
    @pytest.fixture
    def desk(self, client: Client, ben: User) -> Client:
        client.force_login(ben)
        return client

    def answer(self, desk: Client, asked: Interrupt, **fields: Any) -> Any:
        return send(desk, asked, posted(asked, **fields))

    def test_a_refused_edit_shows_what_was_changed(self, desk: Client) -> None:
        asked = question(human())
        response = self.answer(desk, asked, **{"a0.decision": "approve", "a0.args.to": "bob@example.com"})
        page = response.content.decode()
        assert response.status_code == 422
        assert "<del>alice</del><ins>bob</ins>@example.com" in page
        assert '<details class="more edit" data-edit open>' in page

    def test_errors_of_the_engine_stand_at_the_argument(self, desk: Client) -> None:
        payload = batch(ALL)
        payload["review_configs"][0]["args_schema"] = {
            "type": "object",
            "properties": {"priority": {"type": "integer", "maximum": 5}},
        }
        asked = question(payload)
        response = self.answer(desk, asked, **{"a0.decision": "edit", "a0.args.priority": "9"})
        assert response.status_code == 422
        assert list(response.context["form"].errors) == ["a0.args.priority"]
        assert not Checkpoint.objects.of(asked.thread_id).filter(kind="answer").exists()

    def test_who_comes_second_keeps_decision_changes_and_words(self, desk: Client, ana: User) -> None:
        asked = question(batch(ALL, ALL))
        both = {"decisions": [{"type": "approve"}, {"type": "reject", "message": "No."}]}
        fields = {"a0.decision": "edit", "a0.args.to": "bob@example.com", "a1.decision": "respond", "a1.message": "Hm."}
        sent = posted(asked, **fields)
        verbs.answer(asked.id, both, version=1, by=ana)
        response = send(desk, asked, sent)
        page = response.content.decode()
        assert response.status_code == 409
        for told in ("ana answered first", "Send email to alice@example.com: Edit", "<ins>bob</ins>", "Hm."):
            assert told in page

    def test_the_record_of_the_answer_shows_each_decision(self, desk: Client, ana: User) -> None:
        asked = question(batch(ALL, ALL, ALL))
        edited = {"name": "send_email", "args": {**EMAIL, "priority": 3, "cc": ["a@x.io"]}}
        decisions = [
            {"type": "edit", "edited_action": edited},
            {"type": "reject", "message": "Not this one."},
            {"type": "approve"},
        ]
        verbs.answer(asked.id, {"decisions": decisions}, version=1, by=ana)
        page = desk.get(reverse("reviewer:question", args=[asked.id])).content.decode()
        for told in ("approved with changes", "<del>2</del><ins>3</ins>", "rejected", "Not this one.", "approved"):
            assert told in page

    def test_who_may_only_look_sees_what_is_proposed(self, client: Client, cleo: User) -> None:
        client.force_login(cleo)
        page = client.get(reverse("reviewer:question", args=[question(batch(ALL, ALL)).id])).content.decode()
        assert page.count("alice@example.com") >= 2
        assert "data-answer" not in page

    def test_one_answer_is_one_fact_for_all_actions(self, desk: Client) -> None:
        asked = question(batch(ALL, ALL, ALL))
        assert self.answer(desk, asked, rest="approve").status_code == 303
        assert Checkpoint.objects.of(asked.thread_id).filter(kind="answer").count() == 1

    def test_the_page_needs_few_queries(self, desk: Client, django_assert_max_num_queries: Any) -> None:
        asked = question(batch(ALL, ALL, ALL))
        with django_assert_max_num_queries(8):
            desk.get(reverse("reviewer:question", args=[asked.id]))


def test_the_form_is_that_of_the_kind() -> None:
    assert isinstance(form_for(question(batch(ALL))), ApprovalAnswer)
