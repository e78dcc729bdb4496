"""The desk's addresses. A project mounts them with `include("reviewer.urls")`."""

from __future__ import annotations

from django.urls import path, register_converter

from reviewer.access import signed_in
from reviewer.converters import ThreadIdConverter
from reviewer.views import (
    account,
    arranging,
    compare,
    drafts,
    fork,
    health,
    metrics,
    question,
    queue,
    runs,
    start,
    talk,
    together,
    undo,
)

register_converter(ThreadIdConverter, "thread")

app_name = "reviewer"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("queue/changes/", queue.changes, name="queue_changes"),
    path("queue/views/", arranging.save_view, name="save_view"),
    path("queue/views/<int:view_id>/delete/", arranging.delete_view, name="delete_view"),
    path("queue/undo/", undo.undo_all, name="undo_all"),
    path("queue/together/", together.decide, name="together"),
    path("questions/<str:question_id>/", question.question, name="question"),
    path("questions/<str:question_id>/answer/", question.answer, name="answer"),
    path("questions/<str:question_id>/next/", question.neighbour, {"before": False}, name="next_question"),
    path("questions/<str:question_id>/previous/", question.neighbour, {"before": True}, name="previous_question"),
    path("questions/<str:question_id>/state/", question.state, name="question_state"),
    path("questions/<str:question_id>/precedents/", question.past, name="precedents"),
    path("questions/<str:question_id>/draft/", drafts.draft, name="draft"),
    path("questions/<str:question_id>/draft/discard/", drafts.discard, name="discard_draft"),
    path("questions/<str:question_id>/snooze/", arranging.snooze, name="snooze"),
    path("questions/<str:question_id>/triage/", question.triage, name="triage"),
    path("questions/<str:question_id>/around/", talk.around, name="around"),
    path("questions/<str:question_id>/comments/", talk.comment, name="comment"),
    path("questions/<str:question_id>/comments/<int:comment_id>/withdraw/", talk.withdraw, name="withdraw_comment"),
    path("questions/<str:question_id>/aside/", talk.put_aside, name="put_aside"),
    path("questions/<str:question_id>/take-over/", talk.take_over, name="take_over"),
    path("questions/<str:question_id>/undo/", undo.undo, name="undo"),
    path("questions/<str:question_id>/assign/", question.assign, name="assign"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<thread:thread_id>/", runs.thread, name="thread"),
    path("runs/<thread:thread_id>/events/", runs.events, name="events"),
    path("runs/<thread:thread_id>/comments/", talk.of_run, name="run_comments"),
    path("runs/<thread:thread_id>/tracebacks/", runs.tracebacks, name="tracebacks"),
    path("runs/<thread:thread_id>/waterfall/", runs.bars, name="waterfall"),
    path("runs/<thread:thread_id>/fork/", fork.fork, name="fork"),
    path("runs/<thread:thread_id>/compare/", compare.compare, name="compare"),
    path("runs/<thread:thread_id>/cancel/", runs.cancel, name="cancel"),
    path("runs/<thread:thread_id>/starts/<str:run_id>/", runs.withdraw, name="withdraw"),
    path("runs/<thread:thread_id>/retry/", runs.retry, name="retry"),
    path("people/", talk.names, name="names"),
    path("start/", start.choose, name="start"),
    path("start/<path:name>/", start.workflow, name="start_workflow"),
    # Without a slash at the end, as whatever asks for them expects.
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/login/", account.SignIn.as_view(), name="login"),
    path("accounts/logout/", account.SignOut.as_view(), name="logout"),
    path("accounts/password/", signed_in(account.ChangePassword.as_view()), name="password_change"),
    path("accounts/settings/", account.settings, name="settings"),
]
