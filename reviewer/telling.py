"""What the engine refused, in the words of the desk and the language of its reader.

The engine speaks to programmers, in English. What a person can run into on the desk has a sentence here by its class;
errors of the desk's own are told in their own words, and so is what nobody foresaw.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hitl import errors

SENTENCES = {
    errors.NothingToCancel: _(
        "This has ended or was cancelled before, or another turn runs now. Nothing was cancelled."
    ),
    errors.NothingToRetry: _("Only a run that failed can be retried, and this one has gone on."),
    errors.AlreadyAssigned: _("Somebody else took this question or gave it back meanwhile. Nothing was changed."),
    errors.ThreadBusy: _("A run of this thread is queued or running. Wait until it has ended, or cancel it first."),
    errors.ThreadInterrupted: _("This thread waits for an answer. Answer its question, or cancel its run, first."),
    errors.ThreadInError: _("The last run of this thread failed. Retry or cancel it first."),
    errors.LineFull: _("Too many starts wait on this thread already. Wait until some have run, or cancel some."),
    errors.WrongWorkflow: _("This thread belongs to another workflow. Choose another thread."),
    errors.IdempotencyConflict: _("This form was sent before with another input. Reload the page to start once more."),
    errors.AlreadyAnswered: _("Somebody answered this question before. Your answer was not taken."),
    errors.QuestionHeld: _("Somebody's answer to this question can still be undone. Your answer was not taken."),
    errors.QuestionClosed: _("This question is no longer open. Your answer was not taken."),
    errors.StaleAnswer: _("This question has changed since you read it. Your answer was not taken."),
    errors.NothingPending: _("No question is open there. Nothing was changed."),
    errors.UnknownWorkflow: _("There is no such workflow here. It may have been renamed or removed."),
    errors.UnknownThread: _("There is no such thread. Look for it in the list of runs."),
    errors.UnknownQuestion: _("There is no such question. It may have been deleted with its thread."),
    errors.UnknownRun: _("There is no such start on this thread."),
    errors.ValueTooLarge: _("This is too large to be stored. Shorten it."),
    errors.UnstorableValue: _("This cannot be stored."),
}


# Where something was done, where that is worth a word.
CHANNELS = {
    "admin": _("in the Admin"),
    "command": _("on the command line"),
    "code": _("in code"),
}


def told(error: errors.HitlError) -> str:
    """What happened, and what to do."""
    kind = type(error)
    while kind not in SENTENCES and kind.__module__ == errors.__name__ and kind is not errors.HitlError:
        kind = kind.__base__ or errors.HitlError
    return str(SENTENCES.get(kind, error))
