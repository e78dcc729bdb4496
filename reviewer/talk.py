"""What people say to each other beside a question, without answering it. The verbs of comments.

A comment is a remark, or a question back to one person. That one is waited for until they say something beside the
same question, or until who asked takes it back; the question itself stays pending and can be answered all the while.
Who is mentioned or asked finds it in their queue until they reply or put it aside.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from hitl.errors import Conflict, Invalid
from hitl.models import Interrupt
from reviewer import people, times
from reviewer.live import bridge
from reviewer.models import Comment, Mention

MAX_CHARS = 20_000
MOST_COMMENTS = 500


class CannotSay(Invalid):
    """A comment that cannot be taken: empty, too long, or to nobody."""


class AlreadySettled(Conflict):
    """A question back that was answered or withdrawn before."""


def say(question: Interrupt, *, by: User, text: str, ask: str | None = None) -> Comment:
    """Put a comment beside a question; what was asked of `by` there is thereby replied to.

    ask: the name of the person to whom it is a question; None makes it a remark.
    Raises CannotSay.
    """
    text = _checked(text)
    asked = None if ask is None else _asked(ask, by)
    mentions = [one for one in people.mentioned(text) if one.pk != by.pk]
    with transaction.atomic():
        if Comment.objects.of(question).count() >= MOST_COMMENTS:
            said = gettext("There are {n} comments beside this question. Go on elsewhere.")
            raise CannotSay(said.format(n=MOST_COMMENTS))
        _reply(question, by)
        comment = Comment.objects.create(
            question=question,
            author=by,
            author_name=by.get_username(),
            text=text,
            mentions=sorted(one.get_username() for one in mentions),
            asked=asked,
            asked_name=asked.get_username() if asked else "",
            created_at=timezone.now(),
        )
        addressed = {one.pk for one in (*mentions, *([asked] if asked else []))}
        Mention.objects.bulk_create([Mention(comment=comment, question=question, person_id=pk) for pk in addressed])
        transaction.on_commit(lambda: bridge.tell("beside", question.id))
    return comment


def withdraw(comment: Comment, *, by: User) -> None:
    """Take a question back that nobody has replied to. Raises AlreadySettled."""
    with transaction.atomic():
        waiting = Comment.objects.waiting().filter(pk=comment.pk)
        if not waiting.update(settled_at=timezone.now(), settled_by_name=by.get_username()):
            raise AlreadySettled(gettext("Nobody is waited for any more: it was replied to, or taken back."))
        Mention.objects.filter(comment=comment, person=comment.asked).delete()
        transaction.on_commit(lambda: bridge.tell("beside", comment.question_id))


def put_aside(question: Interrupt, *, by: User) -> None:
    """Have what mentions this person here out of their queue, without a reply. Who asked them still waits."""
    asking = Comment.objects.waiting().filter(asked=by)
    Mention.objects.of(by).filter(question=question).exclude(comment__in=asking).delete()


def _reply(question: Interrupt, by: User) -> None:
    """Whoever says something has replied to all that was asked of them here."""
    asking = Comment.objects.waiting().filter(question=question, asked=by)
    asking.update(settled_at=timezone.now(), settled_by_name=by.get_username())
    Mention.objects.of(by).filter(question=question).delete()


def _checked(text: str) -> str:
    text = text.replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if not text:
        raise CannotSay(gettext("Write something first."))
    if len(text) > MAX_CHARS:
        said = gettext("A comment may be {most} characters long. Shorten it by {n}.")
        raise CannotSay(said.format(most=times.count(MAX_CHARS), n=times.count(len(text) - MAX_CHARS)))
    return text


def _asked(name: str, by: User) -> User:
    name = name.strip().removeprefix("@").replace("\x00", "")
    person = people.by_name(name) if name else None
    if person is None:
        said = gettext("There is nobody called “{name}” here.").format(name=name)
        raise CannotSay(said if name else gettext("Say whom you ask."))
    if person.pk == by.pk:
        raise CannotSay(gettext("That is you. Ask somebody else."))
    return person
