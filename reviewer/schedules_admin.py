"""Schedules in the Admin: made, changed and deleted there, by the verbs of `hitl.schedules`.

Who holds a schedule starts workflows, again and again and in their own name; so all of it asks for the permission to
start and the one to administer.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hitl import schedules
from hitl.errors import InvalidInput
from hitl.models import Schedule, ScheduleChange
from reviewer import access
from reviewer.admin import NOTHING, Evidence, ModelAdmin, desk_address, link, shown
from reviewer.forms.start import STRATEGY_CHOICES

FIELDS = [field.name for field in dataclasses.fields(schedules.Plan)]


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checked as `hitl.schedules` checks it, each fault at its field."""

    class Meta:
        model = Schedule
        fields = FIELDS
        widgets = {"value": forms.Textarea(attrs={"rows": 6, "cols": 60})}
        help_texts = {
            "value": _('As JSON: "some text", 42, {"amount": 40}; null for no input.'),
            "cron": _("Minute, hour, day of the month, month, day of the week: “30 9 * * MON-FRI”."),
            "time_zone": _("The times are meant there: Europe/Berlin, UTC."),
            "thread_id": _("Leave empty for a new thread each time."),
            "multitask_strategy": _("Only in a thread of its own."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "multitask_strategy" in self.fields:
            self.fields["multitask_strategy"] = forms.ChoiceField(
                label=_("If a turn is open"),
                choices=STRATEGY_CHOICES,
                initial="enqueue",
                help_text=_("Only in a thread of its own."),
            )

    def clean_value(self) -> Any:
        """The input itself; what it has to be the workflow says."""
        try:
            return json.loads(self.cleaned_data["value"])
        except (ValueError, RecursionError) as problem:
            raise forms.ValidationError(gettext("This is not JSON: {problem}").format(problem=problem)) from problem

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                schedules.checked(self.plan())
            except InvalidInput as problem:
                for field, told in problem.errors:
                    self.add_error(field, told)
        return self.cleaned_data

    def plan(self) -> schedules.Plan:
        return schedules.Plan(**{name: self.cleaned_data[name] for name in FIELDS})

    def _post_clean(self) -> None:
        """The row is written by the verb, not by the form."""


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin):
    form = ScheduleForm
    list_display = ("name", "workflow", "cron", "time_zone", "enabled", "next_run_at", "last_due_at", "last_run")
    list_filter = ("enabled",)
    search_fields = ("name", "workflow", "=thread_id")
    ordering = ("name", "id")
    actions = None
    readonly_fields = ("next_run_at", "last_due_at", "last_run", "last_problem", "requested_by_name", "changes")
    fieldsets = (
        (None, {"fields": ("name", "workflow", "value", "enabled")}),
        (_("When"), {"fields": ("cron", "time_zone", "next_run_at")}),
        (_("Where"), {"fields": ("thread_id", "multitask_strategy")}),
        (_("What came of it"), {"fields": ("last_due_at", "last_run", "last_problem")}),
        (_("Whose"), {"fields": ("requested_by_name", "changes")}),
    )

    def may(self, request: HttpRequest) -> bool:
        return all(access.may(request.user, needed) for needed in (access.START, access.ADMINISTER))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "workflow":
            choices = [(one.name, one.title) for one in access.workflows(request.user)]
            return forms.ChoiceField(label=_("Workflow"), choices=choices)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Written at once: what comes behind asks for the row's key."""
        key = form.instance.pk if change else None
        return schedules.save(form.plan(), schedule_id=key, by=access.person(request), channel="admin")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """`save_form` has."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """There is nothing beside the row."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        schedules.delete(obj.pk, by=access.person(request), channel="admin")

    @admin.display(description=_("last run"))
    def last_run(self, obj: Any) -> SafeString | str:
        run = schedules.last_run(obj)
        return link(desk_address("thread", run.thread_id), run.get_status_display()) if run else NOTHING

    @admin.display(description=_("changes"))
    def changes(self, obj: Any) -> SafeString | str:
        if obj.pk is None:
            return NOTHING
        address = f"{reverse('admin:hitl_schedulechange_changelist')}?schedule_key__exact={obj.pk}"
        return link(address, gettext("Who changed it, and how"))


@admin.register(ScheduleChange)
class ScheduleChangeAdmin(Evidence):
    list_display = ("changed_at", "name", "changed_by_name", "channel")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("name", "schedule_key", "changed_at", "changed_by_name", "changed_by", "channel")}),
        (_("What it said"), {"fields": ("before_shown", "after_shown")}),
    )

    def view_on_site(self, obj: Any) -> str | None:
        return None

    @admin.display(description=_("before"))
    def before_shown(self, obj: Any) -> SafeString | str:
        return shown(obj.before)

    @admin.display(description=_("after"))
    def after_shown(self, obj: Any) -> SafeString | str:
        return shown(obj.after)
