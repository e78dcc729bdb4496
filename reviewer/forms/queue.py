"""The queue's filter: a GET form, and the questions it leaves."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest

from hitl.models import Interrupt
from hitl.querysets import InterruptQuerySet
from reviewer import access, cursor


class QueueFilter(forms.Form):
    """Which questions, in which order. A value that makes no sense counts as not given."""

    q = forms.CharField(
        label="Search", required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    workflow = forms.ChoiceField(label="Workflow", required=False)
    mine = forms.BooleanField(label="Assigned to me", required=False)
    order = forms.ChoiceField(label="Order", required=False, choices=[("", "Newest first"), ("oldest", "Oldest first")])

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.GET, auto_id="filter-%s")
        self.user = request.user
        names = [(one.name, one.title) for one in access.workflows(request.user)]
        # Questions outlive their workflow's registration, and links to them should still filter.
        asked = request.GET.get("workflow", "")[:200]
        unknown = [(asked, asked)] if asked and asked not in dict(names) else []
        choices = [("", "All workflows"), *names, *unknown]
        self.fields["workflow"] = forms.ChoiceField(label="Workflow", required=False, choices=choices)
        self.is_valid()

    def given(self) -> dict[str, Any]:
        """What was really asked for, without the empty rest."""
        return {name: value for name in self.fields if (value := self.cleaned_data.get(name))}

    def query(self, **more: str) -> str:
        """The filter as a query string, `?` included; empty where nothing is filtered."""
        pairs = {name: "1" if value is True else value for name, value in self.given().items()} | more
        return f"?{urlencode(pairs)}" if pairs else ""

    @property
    def narrows(self) -> bool:
        """Whether anything but the order was asked for."""
        return bool(self.given().keys() - {"order"})

    @property
    def newest_first(self) -> bool:
        return "order" not in self.given()

    def questions(self) -> InterruptQuerySet:
        """The pending questions that pass."""
        given = self.given()
        found = Interrupt.objects.pending()
        if "workflow" in given:
            found = found.of_workflow(given["workflow"])
        if "mine" in given:
            found = found.assigned_to(self.user)
        if "q" in given:
            found = found.matching(given["q"])
        return found


def cursor_of(question: Interrupt | None) -> str:
    """The place of a question in the queue, for a URL."""
    return cursor.write(question.asked_at, question.id) if question else ""
