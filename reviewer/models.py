"""What the desk keeps beside the journal: drafts, and how each person has arranged the queue."""

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


class Snooze(models.Model):
    """A question that a person does not want to see in their queue for a while. It stays in everybody else's."""

    question = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="snoozes", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()

    objects = querysets.SnoozeQuerySet.as_manager()

    class Meta:
        constraints = [
            # One a person and question: the queue looks for it beside each row.
            models.UniqueConstraint(fields=["question", "person"], name="reviewer_snooze_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.question} until {self.until}"


class SavedView(models.Model):
    """A filter of the queue under a name: its owner's, or everybody's."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    # The filter as a query string, without its "?".
    query = models.CharField(max_length=500, blank=True)
    is_shared = models.BooleanField(default=False)

    objects = querysets.SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = "saved view"
        constraints = [
            # A person's views by name: saving under a name again replaces what was there.
            models.UniqueConstraint(fields=["owner", "name"], name="reviewer_view_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def as_query(self) -> str:
        """As it stands in an address, `?` included."""
        return f"?{self.query}" if self.query else ""
