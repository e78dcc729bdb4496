"""What the desk keeps beside the journal: what people have begun and not sent."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hitl.models import Interrupt
from reviewer import querysets


class Draft(models.Model):
    """What a person has typed into the answer form of a question and not sent, or sent and may undo."""

    question = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="drafts", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # The version of the question that was on the page.
    version = models.PositiveIntegerField()
    # The form's fields as they were posted: names to lists of texts. Passwords are never among them.
    fields = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    objects = querysets.DraftQuerySet.as_manager()

    class Meta:
        constraints = [
            # One draft a person and question: the page looks for it, and saving replaces it.
            models.UniqueConstraint(fields=["question", "person"], name="reviewer_draft_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.question}"
