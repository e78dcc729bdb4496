"""What the desk keeps beside the journal: drafts, what people say to each other, how each has arranged the queue."""

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
    # Since when this person has the question to themselves by typing (reviewer.leases); null where they have not.
    leased_at = models.DateTimeField(null=True)
    # Who took it over from them while they typed, until they type on.
    taken_by_name = models.CharField(max_length=200, blank=True, default="")

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


class Comment(models.Model):
    """Something said beside a question: a remark, or a question back to somebody (`asked`)."""

    question = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="comments", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Names stay when accounts go.
    author_name = models.CharField(max_length=200)
    text = models.TextField()
    # The names in it that were people's when it was written.
    mentions = models.JSONField(default=list)
    asked = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=200, blank=True)
    # By whom the question back was answered or withdrawn; null while somebody is waited for.
    settled_at = models.DateTimeField(null=True)
    settled_by_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    objects = querysets.CommentQuerySet.as_manager()

    class Meta:
        indexes = [
            # What was said beside a question, in order.
            models.Index(fields=["question", "id"], name="reviewer_comment_thread"),
            # Whom the rows of the queue wait for.
            models.Index(
                fields=["question"],
                name="reviewer_comment_open",
                condition=models.Q(settled_at__isnull=True) & ~models.Q(asked_name=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.question}"

    @property
    def waits(self) -> bool:
        """Whether it asks somebody who has not replied."""
        return bool(self.asked_name) and self.settled_at is None

    @property
    def is_withdrawn(self) -> bool:
        """Whether it asked somebody, and was taken back before they replied."""
        return self.settled_at is not None and self.settled_by_name != self.asked_name


class Mention(models.Model):
    """That a comment speaks to a person, who has not replied and not put it aside."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="+")
    question = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="mentions", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)

    objects = querysets.MentionQuerySet.as_manager()

    class Meta:
        indexes = [
            # "Asked of me": the queue's filter, and the number in the top bar.
            models.Index(fields=["person", "question"], name="reviewer_mention_person"),
            # A question's mentions go with it.
            models.Index(fields=["question"], name="reviewer_mention_question"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.question}"
