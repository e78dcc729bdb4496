"""The queue's filter: a GET form, and the questions it leaves."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hitl.models import Interrupt
from hitl.querysets import ORDERS, InterruptQuerySet
from reviewer import access, cursor
from reviewer.models import Mention, Snooze


class QueueFilter(forms.Form):
    """Which questions, in which order. A value that makes no sense counts as not given."""

    q = forms.CharField(
        label=_("Search"), required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    workflow = forms.ChoiceField(label=_("Workflow"), required=False)
    mine = forms.BooleanField(label=_("Assigned to me"), required=False)
    asked = forms.BooleanField(label=_("Asked of me"), required=False)
    snoozed = forms.BooleanField(label=_("Snoozed"), required=False)
    attention = forms.BooleanField(label=_("Given back"), required=False)
    grouped = forms.BooleanField(label=_("Group alike"), required=False)
    alike = forms.RegexField(r"^[0-9a-f]{32}$", required=False)
    order = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[("", _("Newest first")), ("oldest", _("Oldest first")), ("urgent", _("Most urgent first"))],
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.GET, auto_id="filter-%s")
        self.user = request.user
        names = [(one.name, one.title) for one in access.workflows(request.user)]
        # Questions outlive their workflow's registration, and links to them should still filter.
        asked = request.GET.get("workflow", "")[:200]
        unknown = [(asked, asked)] if asked and asked not in dict(names) else []
        choices = [("", _("All workflows")), *names, *unknown]
        self.fields["workflow"] = forms.ChoiceField(label=_("Workflow"), required=False, choices=choices)
        self.is_valid()

    def given(self) -> dict[str, Any]:
        """What was really asked for, without the empty rest."""
        return {name: value for name in self.fields if (value := self.cleaned_data.get(name))}

    @property
    def pairs(self) -> dict[str, str]:
        """The filter as a form sends it."""
        return {name: "1" if value is True else value for name, value in self.given().items()}

    def query(self, *, without: str = "", **more: str) -> str:
        """The filter as a query string, `?` included; empty where nothing is filtered."""
        pairs = self.pairs | more
        pairs.pop(without, None)
        return f"?{urlencode(pairs)}" if pairs else ""

    @property
    def narrows(self) -> bool:
        """Whether anything was asked for that leaves questions out."""
        return bool(self.given().keys() - {"order", "grouped"})

    @property
    def is_grouped(self) -> bool:
        """Whether questions that are alike stand in one row: not where the rows of such a group are asked for."""
        return "grouped" in self.given() and "alike" not in self.given()

    @property
    def in_words(self) -> list[str]:
        """What was asked for, part by part."""
        given = self.given()
        words = [gettext("“{text}”").format(text=given["q"])] if "q" in given else []
        if "workflow" in given:
            words.append(dict(cast(Any, self.fields["workflow"]).choices)[given["workflow"]])
        return words + [str(self.fields[name].label) for name in self.fields if given.get(name) is True]

    @property
    def order_name(self) -> str:
        return str(self.given().get("order", "newest"))

    def questions(self) -> InterruptQuerySet:
        """The pending questions that pass."""
        given = self.given()
        asleep = Exists(Snooze.objects.asleep(self.user).filter(question=OuterRef("pk")))
        found = Interrupt.objects.pending().filter(asleep if "snoozed" in given else ~asleep)
        if "attention" in given:
            found = found.given_back()
        if "asked" in given:
            found = found.filter(Exists(Mention.objects.of(self.user).filter(question=OuterRef("pk"))))
        if "workflow" in given:
            found = found.of_workflow(given["workflow"])
        if "mine" in given:
            found = found.assigned_to(self.user)
        if "alike" in given:
            found = found.alike([given["alike"]])
        if "q" in given:
            found = found.matching(given["q"])
        return found


class ViewForm(forms.Form):
    """A name for the filter that the page shows."""

    name = forms.CharField(label=_("Name"), max_length=60)
    is_shared = forms.BooleanField(label=_("For everybody"), required=False)


def place_of(question: Interrupt, order: str = "newest") -> cursor.Cursor:
    """The place of a question in the queue of this order."""
    return getattr(question, ORDERS[order][0]), question.id


def cursor_of(question: Interrupt | None, order: str = "newest") -> str:
    """The same for a URL."""
    return cursor.write(*place_of(question, order)) if question else ""
