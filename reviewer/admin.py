"""The Admin: evidence to read, and the verbs as actions.

Nothing here can be added, changed or deleted: the four tables are a journal and what follows from it. What
an operator may do to a thread goes through the same verbs as everywhere else, for people who hold
`hitl.administer_thread`. A verb that refuses becomes a message that names the object, and the others go on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from hitl import codec, verbs
from hitl.errors import HitlError
from hitl.models import Checkpoint, Interrupt, Run, Thread
from reviewer import access, admin_answer, admin_lists, times
from reviewer.admin_lists import ByChannel, ByFactKind, ByQuestionKind, ByWorkflow
from reviewer.telling import told

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

NOTHING = "-"
SHOWN_CHARACTERS = 20_000


def shown(text: str | None) -> SafeString | str:
    """A stored value as indented JSON; what cannot be read is shown as it is stored."""
    if not text:
        return NOTHING
    with contextlib.suppress(ValueError, HitlError):
        text = json.dumps(codec.plain(text), indent=2, ensure_ascii=False)
    if len(text) > SHOWN_CHARACTERS:
        left = len(text) - SHOWN_CHARACTERS
        said = ngettext("… and {n} more character", "… and {n} more characters", left).format(n=times.count(left))
        text = f"{text[:SHOWN_CHARACTERS]}\n{said}"
    return format_html("<pre>{}</pre>", text)


def desk_address(page: str, key: str) -> str | None:
    """Where the desk shows it, or None where a project has not mounted the desk."""
    try:
        return reverse(f"reviewer:{page}", args=[key])
    except NoReverseMatch:
        return None


def link(address: str | None, text: str) -> SafeString | str:
    return format_html('<a href="{}">{}</a>', address, text) if address else text


def thread_link(thread_id: str) -> SafeString:
    """To the thread's page, under the end of its id: of made ids, that is what tells them apart."""
    text = thread_id if len(thread_id) <= 20 else f"…\u2060{thread_id[-12:]}"
    address = reverse("admin:hitl_thread_change", args=[quote(thread_id)])
    return format_html('<a href="{}" title="{}">{}</a>', address, thread_id, text)


class Evidence(ModelAdmin):
    """Read-only pages; `administer` is the permission that the actions ask for."""

    change_form_template = "reviewer/admin/evidence.html"
    show_full_result_count = False
    # Each number beside a filter would be counted over the whole table.
    show_facets = admin.ShowFacets.NEVER
    paginator = admin_lists.UpTo
    list_per_page = 50
    actions_on_bottom = False
    desk_page = "thread"

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_administer_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self.has_administer_permission(request)

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return access.may(request.user, access.ADMINISTER)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.split()
        return self.found(request, queryset, words) if words else queryset, False

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *place: Any) -> HttpResponse | None:
        """“Select all” says how many it counted, and must not mean more."""
        if request.POST.get("select_across", "0") != "0" and queryset[admin_lists.MOST_COUNTED :].exists():
            told = _("There are more than %(count)d. Narrow the list first; nothing was done.")
            self.message_user(request, told % {"count": admin_lists.MOST_COUNTED}, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *place)

    def found(self, request: HttpRequest, rows: QuerySet[Any], words: list[str]) -> QuerySet[Any]:
        """The rows that are meant by these words; `search_help_text` says how."""
        return super().get_search_results(request, rows, " ".join(words))[0]

    def desk_key(self, obj: Any) -> str:
        return str(obj.thread_id)

    def view_on_site(self, obj: Any) -> str | None:
        return desk_address(self.desk_page, self.desk_key(obj))

    @admin.display(description=_("desk"))
    def desk(self, obj: Any) -> SafeString | str:
        address = self.view_on_site(obj)
        return link(address, gettext("Open")) if address else NOTHING

    @admin.display(description=_("thread"), ordering="thread_id")
    def of_thread(self, obj: Any) -> SafeString | str:
        return thread_link(obj.thread_id)

    def on_each(
        self, request: HttpRequest, objects: Iterable[Any], verb: Callable[[Any], object], *, done: Callable[[int], str]
    ) -> None:
        """Call a verb on each object; what it refuses is told for that object, and the rest goes on."""
        count = 0
        for obj in objects:
            try:
                verb(obj)
            except HitlError as problem:
                self.message_user(request, f"{obj}: {told(problem)}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, done(count), messages.SUCCESS)


@admin.register(Thread)
class ThreadAdmin(Evidence):
    list_display = ("id", "workflow", "status", "turn", "seq", "created_at", "updated_at", "desk")
    list_filter = ("status", ByWorkflow, "created_at")
    search_fields = ("id", "workflow")
    search_help_text = _("The beginning of a thread’s id, or its workflow.")
    sortable_by = ("created_at",)
    ordering = ("-created_at", "-id")
    actions = ("cancel", "retry")
    fieldsets = (
        (None, {"fields": ("id", "workflow", "workflow_version", "status", "metadata_shown", "warning", "output")}),
        (_("History"), {"fields": ("facts", "runs", "questions", "turn", "seq", "created_at", "updated_at")}),
        (
            _("Who runs it"),
            {
                "classes": ("collapse",),
                "fields": (
                    *("lease_owner", "lease_expires_at", "lease_epoch", "claims", "nudges", "nudge_at"),
                    *("turn_seq", "output_seq", "previous_seq"),
                ),
            },
        ),
    )

    def found(self, request: HttpRequest, rows: QuerySet[Any], words: list[str]) -> QuerySet[Any]:
        return admin_lists.threads(rows, words)

    def desk_key(self, obj: Thread) -> str:
        return obj.pk

    @admin.display(description=_("metadata"))
    def metadata_shown(self, obj: Thread) -> SafeString | str:
        return shown(json.dumps(obj.metadata)) if obj.metadata else NOTHING

    @admin.display(description=_("output"))
    def output(self, obj: Thread) -> SafeString | str:
        if obj.output_seq is None:
            return NOTHING
        fact = Checkpoint.objects.of(obj.pk, after=obj.output_seq - 1).first()
        return shown(fact.value) if fact else NOTHING

    @admin.display(description=_("journal"))
    def facts(self, obj: Thread) -> SafeString | str:
        said = ngettext("{n} fact", "{n} facts", obj.seq).format(n=times.count(obj.seq))
        return self.rows_of(obj, "checkpoint", said)

    @admin.display(description=_("runs"))
    def runs(self, obj: Thread) -> SafeString | str:
        return self.rows_of(obj, "run", gettext("Runs of this thread"))

    @admin.display(description=_("questions"))
    def questions(self, obj: Thread) -> SafeString | str:
        return self.rows_of(obj, "interrupt", gettext("Questions of this thread"))

    def rows_of(self, obj: Thread, model: str, text: str) -> SafeString | str:
        query = urlencode({"thread__id__exact": obj.pk})
        return link(f"{reverse(f'admin:hitl_{model}_changelist')}?{query}", text)

    @admin.action(description=_("Cancel selected threads …"), permissions=["administer"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Thread]) -> HttpResponse | None:
        """Asks for the reason first: a cancelled turn cannot be taken up again."""
        if "confirmed" not in request.POST:
            return self.confirm_cancel(request, queryset)
        reason = request.POST.get("reason", "").strip()
        self.on_each(
            request,
            queryset,
            lambda thread: verbs.cancel(thread.pk, by=access.person(request), channel="admin", reason=reason),
            done=lambda n: ngettext("Cancelled: {n} thread.", "Cancelled: {n} threads.", n).format(n=n),
        )
        return None

    def confirm_cancel(self, request: HttpRequest, queryset: QuerySet[Thread]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Cancel threads"),
            "opts": self.opts,
            "threads": queryset,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "reviewer/admin/cancel.html", context)

    @admin.action(description=_("Retry selected threads"), permissions=["administer"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Thread]) -> None:
        self.on_each(
            request,
            queryset,
            lambda thread: verbs.retry(thread.pk, by=access.person(request), channel="admin"),
            done=lambda n: ngettext(
                "Queued for another try: {n} thread.", "Queued for another try: {n} threads.", n
            ).format(n=n),
        )


@admin.register(Run)
class RunAdmin(Evidence):
    list_display = (
        *("created_at", "of_thread", "workflow", "kind", "status", "requested_by_name", "channel"),
        *("ended_at", "desk"),
    )
    list_filter = ("status", "kind", ByWorkflow, ByChannel, "created_at")
    search_fields = ("id", "thread", "idempotency_key", "requested_by")
    search_help_text = _("The id of a run or a thread, an idempotency key, or a user’s name.")
    sortable_by = ()
    # Ids are made in the order of time.
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("id", "of_thread", "workflow", "kind", "status", "turn", "seq")}),
        (_("Asked for"), {"fields": ("requested_by_name", "requested_by", "channel", "idempotency_key")}),
        (_("Went"), {"fields": ("created_at", "started_at", "ended_at", "code_version")}),
        (_("Failed"), {"fields": ("error_type", "error", "traceback_shown")}),
    )

    def found(self, request: HttpRequest, rows: QuerySet[Any], words: list[str]) -> QuerySet[Any]:
        return admin_lists.runs(rows, words)

    @admin.display(description=_("traceback"))
    def traceback_shown(self, obj: Run) -> SafeString | str:
        return format_html("<pre>{}</pre>", obj.traceback) if obj.traceback else NOTHING


@admin.register(Checkpoint)
class CheckpointAdmin(Evidence):
    list_display = ("seq", "of_thread", "kind", "name", "turn", "created_at", "desk")
    list_filter = (ByFactKind,)
    search_fields = ("thread", "name")
    search_help_text = _("A thread’s id; beside it, perhaps the name of a task.")
    sortable_by = ()
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("of_thread", "seq", "kind", "name", "value_shown", "detail_shown")}),
        (_("Which call"), {"fields": ("turn", "path", "attempt", "digest", "position", "alone")}),
        (_("When"), {"fields": ("started_at", "created_at", "epoch")}),
    )

    def found(self, request: HttpRequest, rows: QuerySet[Any], words: list[str]) -> QuerySet[Any]:
        return admin_lists.facts(rows, words)

    @admin.display(description=_("value"))
    def value_shown(self, obj: Checkpoint) -> SafeString | str:
        return shown(obj.value)

    @admin.display(description=_("detail"))
    def detail_shown(self, obj: Checkpoint) -> SafeString | str:
        return shown(obj.detail)


@admin.register(Interrupt)
class InterruptAdmin(Evidence):
    desk_page = "question"
    list_display = (
        *("title", "workflow", "status", "of_thread", "asked_at", "assignee"),
        *("answered_by_name", "desk"),
    )
    list_filter = ("status", ByWorkflow, ByQuestionKind, "asked_at", "answered_at")
    list_select_related = ("assignee",)
    search_fields = ("id", "thread", "search", "answered_by")
    search_help_text = _(
        "The id of a question or a thread, the name of the user who answered, or words of a question that waits. "
        "Choose another status to look for words in questions that were settled; that reads all of them."
    )
    sortable_by = ("asked_at",)
    ordering = ("-asked_at", "-id")
    actions = ("assign_to_me", "release")
    fieldsets = (
        (None, {"fields": ("id", "of_thread", "workflow", "task", "title", "kind", "value_shown")}),
        (
            _("Answer"),
            {
                "fields": (
                    *("status", "version", "answer_shown", "answered_by_name", "answered_by"),
                    *("answered_at", "channel", "release_at", "problem"),
                )
            },
        ),
        (_("Whose"), {"fields": ("assignee", "priority", "due_at", "urgent_at")}),
        (_("Where and when asked"), {"fields": ("turn", "path", "position", "key", "asked_seq", "asked_at")}),
        (_("Exactly"), {"classes": ("collapse",), "fields": ("schema_shown", "digest", "token", "updated_at")}),
    )

    def found(self, request: HttpRequest, rows: QuerySet[Any], words: list[str]) -> QuerySet[Any]:
        return admin_lists.questions(rows, words, status=request.GET.get("status__exact", ""))

    def desk_key(self, obj: Interrupt) -> str:
        return obj.pk

    def get_urls(self) -> list[Any]:
        answer = self.admin_site.admin_view(self.answer_view)
        return [path("<path:object_id>/answer/", answer, name="hitl_interrupt_answer"), *super().get_urls()]

    def answer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer the question, for whoever may see it here and may answer."""
        question = self.get_object(request, unquote(object_id))
        if question is None:
            raise Http404
        if not self.has_view_permission(request, question):
            raise PermissionDenied
        return admin_answer.page(self, request, question)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        question = self.get_object(request, unquote(object_id))
        may_answer = {"may_answer": admin_answer.may_answer(request, question)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **may_answer})

    @admin.display(description=_("question"))
    def value_shown(self, obj: Interrupt) -> SafeString | str:
        return shown(obj.value)

    @admin.display(description=_("answer"))
    def answer_shown(self, obj: Interrupt) -> SafeString | str:
        return shown(obj.answer)

    @admin.display(description=_("what an answer must look like"))
    def schema_shown(self, obj: Interrupt) -> SafeString | str:
        return shown(obj.schema)

    @admin.action(description=_("Assign selected questions to me"), permissions=["administer"])
    def assign_to_me(self, request: HttpRequest, queryset: QuerySet[Interrupt]) -> None:
        self.on_each(
            request,
            queryset,
            lambda question: verbs.assign(
                question.pk, to=access.person(request), by=access.person(request), channel="admin"
            ),
            done=lambda n: ngettext("Assigned to you: {n} question.", "Assigned to you: {n} questions.", n).format(n=n),
        )

    @admin.action(description=_("Give selected questions back to everyone"), permissions=["administer"])
    def release(self, request: HttpRequest, queryset: QuerySet[Interrupt]) -> None:
        self.on_each(
            request,
            queryset,
            lambda question: verbs.assign(question.pk, to=None, by=access.person(request), channel="admin"),
            done=lambda n: ngettext("Given back: {n} question.", "Given back: {n} questions.", n).format(n=n),
        )
