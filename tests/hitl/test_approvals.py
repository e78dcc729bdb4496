"""Questions that propose actions: which decisions each allows, and what an answer has to be."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from hitl import questions
from hitl.errors import InvalidAnswer
from hitl.questions import Description
from hitl.questions.actions import Action, Decision

EMAIL = {"to": "a@x.io", "priority": 2}
ALL = {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True}


def human(args: Any = EMAIL, *, description: str = "Please **look**.", **config: bool) -> dict[str, Any]:
    request = {"action": "send_email", "args": args}
    return {"action_request": request, "config": config or ALL, "description": description}


def batch(*allowed: list[str], camel: bool = False) -> dict[str, Any]:
    requests = [{"name": "send_email", "args": EMAIL, "description": "Look"} for _ in allowed]
    if camel:
        configs = [{"actionName": "send_email", "allowedDecisions": one} for one in allowed]
        return {"actionRequests": requests, "reviewConfigs": configs}
    return {
        "action_requests": requests,
        "review_configs": [{"action_name": "send_email", "allowed_decisions": one} for one in allowed],
    }


def check(answer: Any, value: Any, schema: Any = None) -> Any:
    return questions.detect(value, schema).check(answer, value, schema)


def wrong(answer: Any, value: Any, schema: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidAnswer) as caught:
        check(answer, value, schema)
    return caught.value.errors


APPROVAL = {"type": "tool_approval", "tool_call_id": "1", "name": "send_email", "args": EMAIL, "description": ""}


@pytest.mark.parametrize(
    ("value", "schema", "kind"),
    [
        (human(), None, "human_interrupt"),
        ([human()], None, "human_interrupt"),
        ((human(), human()), None, "human_interrupt"),
        (human(), {"type": "string"}, "schema"),
        (human(allow_accept=False), None, "data"),
        ([human(), "text"], None, "text"),
        (human(args="all"), None, "data"),
        (batch(["approve"]), None, "hitl_request"),
        (batch(["approve"], camel=True), None, "hitl_request"),
        (batch(["sign"]), None, "data"),
        ({**batch(["approve"]), "review_configs": []}, None, "data"),
        ({"action_requests": [], "review_configs": []}, None, "data"),
        ({**batch(["approve"]), "type": "tool_approval"}, None, "hitl_request"),
        (APPROVAL, None, "tool_approval"),
        (APPROVAL, {"type": "string"}, "schema"),
        ({**APPROVAL, "args": None}, None, "data"),
        ({"message": "Who?", "requestedSchema": {"type": "object", "properties": {}}}, None, "elicitation"),
        ({"message": "Who?", "requestedSchema": {"type": "object"}}, None, "data"),
        ({"message": "Who?", "requestedSchema": {"type": "nonsense", "properties": {}}}, None, "data"),
        ({"message": "Open it", "mode": "url", "url": "https://x.io"}, None, "elicitation"),
        ({"message": "Who?", "requestedSchema": None, "options": ["a"]}, None, "choice"),
    ],
)
def test_the_kind_follows_from_the_payload(value: Any, schema: Any, kind: str) -> None:
    assert questions.detect(value, schema).name == kind


class TestHumanInterrupt:
    @pytest.mark.parametrize("value", [human(), [human()]])
    @pytest.mark.parametrize(
        "answer",
        [
            [{"type": "accept", "args": {"action": "send_email", "args": EMAIL}}],
            [{"type": "accept", "args": None}],
            [{"type": "edit", "args": {"action": "send_email", "args": {"to": "b@x.io", "priority": 3}}}],
            [{"type": "response", "args": "free text"}],
            [{"type": "ignore", "args": None}],
        ],
    )
    def test_one_response_in_a_list(self, value: Any, answer: Any) -> None:
        assert check(answer, value) == answer

    def test_accepting_gives_the_request_back_only_where_it_could_be_edited(self) -> None:
        kind = questions.get("human_interrupt")
        both, accept_only = human(), human(allow_accept=True)
        assert kind.answer(both, None, [Decision("approve")]) == [
            {"type": "accept", "args": {"action": "send_email", "args": EMAIL}}
        ]
        assert kind.answer(accept_only, None, [Decision("approve")]) == [{"type": "accept", "args": None}]
        assert check([{"type": "accept"}], accept_only) == [{"type": "accept", "args": None}]

    @pytest.mark.parametrize(
        ("answer", "path"),
        [
            ({"type": "accept", "args": None}, ""),
            ([], ""),
            ([{"type": "accept", "args": {"action": "send_email", "args": {"to": "b@x.io"}}}], "$[0].args"),
            ([{"type": "edit", "args": {"action": "delete", "args": {}}}], "$[0].args.action"),
            ([{"type": "edit", "args": {"action": "send_email"}}], "$[0].args.args"),
            ([{"type": "response", "args": None}], "$[0].args"),
            ([{"type": "approve"}], "$[0].type"),
            ([{"type": "ignore"}, {"type": "ignore"}], ""),
        ],
    )
    def test_anything_else_is_refused(self, answer: Any, path: str) -> None:
        assert [at for at, _ in wrong(answer, human())] == [path]

    def test_what_the_configuration_forbids_is_refused(self) -> None:
        value = human(allow_accept=True, allow_respond=True)
        for answer in ([{"type": "ignore", "args": None}], [{"type": "edit", "args": {}}]):
            assert wrong(answer, value) == [("$[0].type", "This must be one of: accept, response.")]

    def test_a_request_with_values_beyond_json_is_accepted_as_a_page_shows_it(self) -> None:
        due = datetime.date(2026, 12, 24)
        value = human({"due": due})
        for args in ({"due": due}, {"due": "2026-12-24"}):
            answer = [{"type": "accept", "args": {"action": "send_email", "args": args}}]
            assert check(answer, value)[0]["args"]["args"] == {"due": due}

    def test_several_get_a_response_each(self) -> None:
        answer = [{"type": "ignore", "args": None}, {"type": "response", "args": "no"}]
        assert check(answer, [human(), human()]) == answer
        assert wrong(answer[:1], [human(), human()])

    def test_it_says_what_would_happen(self) -> None:
        part = Description("Send email to a@x.io", "Please **look**.", (("to", "a@x.io"), ("priority", 2)))
        assert questions.detect(human(), None).describe(human()) == Description("Send email to a@x.io?", parts=(part,))


class TestBatch:
    def test_the_answer_is_spelt_like_the_question(self) -> None:
        args = {"to": "b@x.io", "priority": 3}
        snake = {"type": "edit", "edited_action": {"name": "send_email", "args": args}}
        camel = {"type": "edit", "editedAction": {"name": "send_email", "args": args}}
        for spelt, other, value in (
            (snake, camel, batch(["edit"])),
            (camel, snake, batch(["edit"], camel=True)),
        ):
            kind = questions.detect(value, None)
            assert check({"decisions": [spelt]}, value) == {"decisions": [spelt]}
            assert wrong({"decisions": [other]}, value)
            assert kind.answer(value, None, [Decision("edit", args)]) == {"decisions": [spelt]}

    def test_each_allows_what_its_own_configuration_says(self) -> None:
        value = batch(["approve"], ["reject", "approve"])
        approve, reject = {"type": "approve"}, {"type": "reject"}
        assert check({"decisions": [approve, reject]}, value)
        assert wrong({"decisions": [reject, approve]}, value)[0][0] == "$.decisions[0].type"

    def test_configurations_in_another_order_are_found_by_name(self) -> None:
        value = batch(["approve"], ["reject"])
        value["action_requests"][0]["name"] = "delete_file"
        value["review_configs"][1]["action_name"] = "delete_file"
        assert check({"decisions": [{"type": "reject"}, {"type": "approve"}]}, value)

    def test_a_schema_of_the_arguments_is_checked_with_its_own_definitions(self) -> None:
        value = batch(["edit"], ["edit"])
        for config, limit in zip(value["review_configs"], (3, 9), strict=True):
            definitions = {"Level": {"type": "integer", "maximum": limit}}
            properties = {"priority": {"$ref": "#/$defs/Level"}}
            config["args_schema"] = {"type": "object", "properties": properties, "$defs": definitions}
        edits = [{"type": "edit", "edited_action": {"name": "send_email", "args": {"priority": 5}}}] * 2
        assert wrong({"decisions": edits}, value) == [
            ("$.decisions[0].edited_action.args.priority", "This must be at most 3.")
        ]

    def test_many_are_told_in_one_title(self) -> None:
        value = batch(["approve"], ["approve"])
        assert questions.detect(value, None).describe(value).title == (
            "2 actions: Send email to a@x.io, Send email to a@x.io"
        )


def test_a_tool_call_without_a_schema_may_be_decided_in_every_way() -> None:
    for answer in ({"type": "approve"}, {"type": "reject"}, {"type": "respond", "message": ""}):
        assert check(answer, APPROVAL) == answer
    assert wrong({"type": "respond"}, APPROVAL) == [("$.message", "This is required.")]


@pytest.mark.parametrize(
    ("name", "args", "title"),
    [
        ("send_email", {"to": "a@x.io"}, "Send email to a@x.io"),
        ("sendEmail", {"to": ["a@x.io", "b@x.io"]}, "Send email to a@x.io and 1 more"),
        ("delete_file", {"path": "/q3"}, "Delete file /q3"),
        ("Approve the plan", {}, "Approve the plan"),
        ("wait", {"to": True, "id": 7}, "Wait 7"),
        ("run-sql", {"query": "SELECT\n1"}, "Run sql SELECT 1"),
        ("write", {"to": "x" * 80}, f"Write to {'x' * 47}…"),
    ],
)
def test_an_action_is_named_by_what_it_does_and_to_whom(name: str, args: dict[str, Any], title: str) -> None:
    assert Action(name, args, ("approve",)).title == title
