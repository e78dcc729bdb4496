"""The form of questions that propose actions: for each a decision, its arguments to change, words to go with it.

What a decision looks like on the wire is the kind's affair (`hitl.questions.approval`). The form sees to it that
nothing is lost by a slip: changed arguments are never approved as proposed, and words never fall by the wayside.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from hitl import codec, questions
from hitl.models import Interrupt
from hitl.questions.actions import APPROVE, EDIT, IGNORE, REJECT, RESPOND, Action, Decision
from hitl.questions.approval import Approval, described_action
from reviewer.forms import fields, proposal
from reviewer.forms.answer import Answer
from reviewer.forms.parts import KEPT, Group, Leaf, Part, Shown, shown, typed
from reviewer.forms.schema import Button, nearest

LABELS = {
    APPROVE: pgettext_lazy("verb", "Approve"),
    EDIT: pgettext_lazy("verb", "Edit"),
    RESPOND: pgettext_lazy("verb", "Respond"),
    REJECT: pgettext_lazy("verb", "Reject"),
    IGNORE: pgettext_lazy("verb", "Ignore"),
}
SPOKEN = (RESPOND, REJECT)
# Decisions that need nothing else.
ALONE = (APPROVE, REJECT, IGNORE)

UNDECIDED = _("Decide about this.")
UNCHANGED = _("Nothing is changed yet. Change something below, or approve it as it is.")
CHANGED = _("You changed something, and this decision would lose it. Choose Edit to send your changes, or undo them.")
SILENT = _("Write what the answer is.")
SAID = _("Words go only with {decision}. Choose that, or delete them.")
SAID_WITH_EITHER = _("Words go only with {one} or {other}. Choose one of them, or delete the words.")


class Proposal:
    """One action as a part of the form."""

    def __init__(self, form: ApprovalAnswer, action: Action, *, at: int) -> None:
        self.form = form
        self.action = action
        self.at = at
        self.described = described_action(action)
        self.decision_name = f"a{at}.decision"
        self.message_name = f"a{at}.message"
        self.spoken = [decision for decision in SPOKEN if decision in action.allowed]
        self.part: Part | None = None
        if EDIT in action.allowed:
            typed = form.data if form.is_bound else form.typed
            self.part = proposal.fields_of(action.args, action.args_schema, root=f"a{at}.args", typed=typed)

    def fields(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {
            self.decision_name: forms.ChoiceField(
                label=gettext("Your decision about: {action}").format(action=self.action.title),
                choices=[(decision, LABELS[decision]) for decision in self.action.allowed],
                widget=forms.RadioSelect,
                error_messages={"required": UNDECIDED, "invalid_choice": UNDECIDED},
            )
        }
        if self.spoken:
            found[self.message_name] = fields.Text(
                label=gettext("The answer in its place") if self.spoken == [RESPOND] else gettext("Your words"),
                help_text=self.hint,
                widget=forms.Textarea(attrs={"rows": 3}),
                required=False,
            )
        return found | {leaf.name: leaf.field for leaf in self.leaves}

    @property
    def hint(self) -> str:
        if self.spoken == [REJECT]:
            return gettext("Why it is rejected. May stay empty.")
        if self.spoken == [RESPOND]:
            return ""
        return gettext("Needed to respond; with a rejection its reason, which may stay empty.")

    @property
    def leaves(self) -> list[Leaf]:
        return list(self.part.leaves()) if self.part else []

    @property
    def changed(self) -> list[Leaf]:
        """The fields whose text is not that of the proposal."""
        return [leaf for leaf in self.leaves if typed(leaf, self.form) != leaf.before]

    @property
    def decision(self) -> Any:
        return self.form[self.decision_name]

    @property
    def message(self) -> Any:
        return self.form[self.message_name] if self.spoken else None

    @property
    def arguments(self) -> tuple[Shown, ...]:
        """The fields of the arguments, in their groups."""
        if self.part is None:
            return ()
        whole = shown(self.part, self.form)
        return whole.parts if isinstance(self.part, Group) else (whole,)

    @property
    def is_editing(self) -> bool:
        """Whether the fields are to be seen at once."""
        return bool(self.changed) or self.chosen == EDIT

    @property
    def is_speaking(self) -> bool:
        """Whether the place for words is to be seen at once."""
        if not self.spoken:
            return False
        only = self.spoken == list(self.action.allowed)
        return only or self.chosen == RESPOND or bool(self.message.value() or self.message.errors)

    @property
    def chosen(self) -> str:
        return str(self.decision.value() or "")

    @property
    def chosen_label(self) -> str:
        return str(LABELS.get(self.chosen, ""))

    def clean(self, cleaned: dict[str, Any]) -> None:
        """Check that decision, changes and words belong together."""
        self.keep(cleaned)
        decision = cleaned.get(self.decision_name)
        live = {leaf.name for leaf in self.live} if decision == EDIT else set()
        self.form.forgive([leaf.name for leaf in self.leaves if leaf.name not in live])
        if decision == EDIT and not self.has_errors and self.args(cleaned) == digest(self.action.args):
            self.form.add_error(self.decision_name, UNCHANGED)
        if decision == APPROVE and self.changed:
            self.form.add_error(self.decision_name, CHANGED)
        said = (cleaned.get(self.message_name) or "").strip()
        if decision == RESPOND and not said:
            self.form.add_error(self.message_name, SILENT)
        if decision in (APPROVE, EDIT, IGNORE) and said:
            self.form.add_error(self.message_name, self.only_with())

    def only_with(self) -> str:
        """With which decisions words can go."""
        labels = [LABELS[one] for one in self.spoken]
        if len(labels) == 1:
            return str(SAID).format(decision=labels[0])
        return str(SAID_WITH_EITHER).format(one=labels[0], other=labels[1])

    def keep(self, cleaned: dict[str, Any]) -> None:
        """What was left as it came is what was proposed, whether the field can read it or not."""
        changed = {leaf.name for leaf in self.changed}
        for leaf in self.leaves:
            if leaf.name not in changed and leaf.keeps:
                cleaned[leaf.name] = KEPT
                self.form.forgive([leaf.name])

    @property
    def live(self) -> list[Leaf]:
        """The fields that count: those of tabs that are not chosen do not."""
        return list(self.part.live(lambda name: self.form[name].data)) if self.part else []

    @property
    def has_errors(self) -> bool:
        return any(leaf.name in self.form.errors for leaf in self.leaves)

    def args(self, cleaned: dict[str, Any]) -> str:
        return digest(self.part.value(cleaned)) if self.part else ""

    def decided(self) -> Decision:
        cleaned = self.form.cleaned_data
        kind = cleaned[self.decision_name]
        if kind == EDIT:
            assert self.part is not None, "an edit has fields"
            return Decision(EDIT, args=self.part.value(cleaned))
        return Decision(kind, message=cleaned.get(self.message_name) or None if kind in SPOKEN else None)

    def places(self) -> dict[tuple[str, ...], str]:
        """Which field an error belongs to, by its place in the answer."""
        paths = self.form.kind.paths(self.at)
        places = {paths["type"]: self.decision_name, paths["type"][:-1]: self.decision_name}
        if self.spoken:
            places[paths["message"]] = self.message_name
        return places | {(*paths["args"], *leaf.path): leaf.name for leaf in self.live}


def digest(value: Any) -> str:
    return codec.digest(value)


class ApprovalAnswer(Answer):
    """A decision by a button where there is one action; by a choice for each, and one submit, where there are more."""

    page_template = "reviewer/question/approval.html"
    button_name = "a0.decision"

    def __init__(self, question: Interrupt, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> None:
        kind = questions.get(question.kind)
        assert isinstance(kind, Approval), f"{question.kind} proposes no actions"
        self.kind = kind
        self.schema = json.loads(question.schema) if question.schema else None
        super().__init__(question, data, typed=typed)

    def build(self, asked: Any) -> None:
        self.asked = asked
        actions = self.kind.actions(asked, self.schema)
        self.proposals = [Proposal(self, action, at=at) for at, action in enumerate(actions)]
        for one in self.proposals:
            self.fields.update(one.fields())
        if self.data.get("rest") in ALONE:
            data = QueryDict(mutable=True)
            data.update(self.data)
            data.update(self.rest())
            self.data = data

    def rest(self) -> dict[str, str]:
        """The decision for the rest, wherever nothing was decided and it is allowed."""
        rest = str(self.data["rest"])
        undecided = [one for one in self.proposals if not self.data.get(one.decision_name)]
        return {one.decision_name: rest for one in undecided if rest in one.action.allowed}

    @property
    def is_single(self) -> bool:
        return len(self.proposals) == 1

    @property
    def decided_count(self) -> int:
        return sum(1 for one in self.proposals if one.chosen in one.action.allowed)

    @property
    def may_approve_rest(self) -> bool:
        return any(APPROVE in one.action.allowed for one in self.proposals)

    @property
    def buttons(self) -> list[Button]:
        if not self.is_single:
            return []
        (one,) = self.proposals
        suggested = EDIT if one.changed else one.action.allowed[0]
        return [(name, self.label(one.action, name), name == suggested) for name in one.action.allowed]

    is_shared = False
    shared_name = "rest"

    @property
    def shared_buttons(self) -> list[Button]:
        allowed = [one.action.allowed for one in self.proposals]
        return [(name, str(LABELS[name]), False) for name in ALONE if all(name in names for names in allowed)]

    def label(self, action: Action, decision: str) -> str:
        if decision == EDIT and (count := len(self.proposals[0].changed)):
            return ngettext("Send {n} change", "Send {n} changes", count).format(n=count)
        return action.title if decision == APPROVE else str(LABELS[decision])

    @property
    def send_label(self) -> str:
        count = len(self.proposals)
        return ngettext("Send {n} decision", "Send {n} decisions", count).format(n=count)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for one in self.proposals:
            one.clean(cleaned)
        return cleaned

    def forgive(self, names: list[str]) -> None:
        """Errors in what is not sent are nobody's business."""
        for name in names:
            self.errors.pop(name, None)

    def value(self) -> Any:
        return self.kind.answer(self.asked, self.schema, [one.decided() for one in self.proposals])

    def kept(self) -> tuple[Shown, ...]:
        return tuple(filter(lambda group: group.legend, map(self.kept_of, self.proposals)))

    def kept_of(self, one: Proposal) -> Shown:
        said = (Shown(field=one.message),) if one.spoken and one.message.value() else ()
        parts = (*(one.arguments if one.is_editing else ()), *said)
        return Shown(": ".join((one.action.title, one.chosen_label or gettext("undecided"))), parts=parts)

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        places: dict[tuple[str, ...], str] = {}
        for one in self.proposals:
            places |= one.places()
        for path, message in errors:
            name = nearest(path, places)
            self.add_error(name, message if name else f"{path}: {message}" if path else message)
