"""Who may see and do what: one function per object, one decorator per page.

Every signed-in person may look at everything. Starting, answering and administering are Django permissions.
Views get their objects here and nowhere else, so that a rule about who may see what has one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.conf import global_settings, settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hitl import registry
from hitl.errors import HitlError, UnknownQuestion, UnknownThread
from hitl.models import Interrupt, Thread
from hitl.workflow import Workflow
from reviewer import beside
from reviewer.models import Comment, SavedView

START = "hitl.start_thread"
ANSWER = "hitl.answer_interrupt"
ADMINISTER = "hitl.administer_thread"

# What the permission is called in the Admin, where somebody will look for it.
NAMES = {
    START: _("Can start workflows"),
    ANSWER: _("Can answer questions"),
    ADMINISTER: _("Can cancel and retry runs and assign questions"),
}

View = Callable[..., HttpResponseBase]
Person = User | AnonymousUser


class PermissionMissing(PermissionDenied):
    """This person lacks a permission; `permission` is its full name and `title` what the Admin calls it."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.title = str(NAMES[permission])
        said = gettext("This needs the permission “{title}” ({permission}).")
        super().__init__(said.format(title=self.title, permission=permission))


class UnknownView(HitlError):
    """A saved view that is not there, or somebody else's own."""

    status = 404


class UnknownComment(HitlError):
    """A comment that is not there."""

    status = 404


class SignedOut(HitlError):
    """A fragment was asked for without a session; its page must not turn into a sign-in form."""

    status = 401


class StaleForm(HitlError):
    """A form whose page does not belong to this session any more; what was typed in it has to survive."""

    status = 403
    heading: Any = ""


class OpenedByAnother(StaleForm):
    """The page was drawn for somebody else: another tab has signed in since, and nobody answers unawares."""

    status = 409
    heading = _("Somebody else is signed in now")


def signed_in(view: View) -> View:
    """The page needs an account: others are sent to sign in and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            require_same_person(request)
            return view(request, *args, **kwargs)
        if request.headers.get("HX-Request"):
            raise SignedOut(gettext("Sign in again in another tab, then repeat this here."))
        came_by_form = request.method not in ("GET", "HEAD")
        back = reverse("reviewer:queue") if came_by_form else request.get_full_path()
        return redirect_to_login(back, login_url())

    return guarded


def require_same_person(request: HttpRequest) -> None:
    """Refuse a form that says (`page_of`) that its page was drawn for another person."""
    opened = request.POST.get("page_of")
    now = request.user.get_username()
    if opened and opened != now:
        said = gettext(
            "This page was opened as {opened}; you are now signed in as {now}. Nothing was sent. What you typed is "
            "still here: reload the page to go on as {now}, or sign in as {opened} in another tab and send it again."
        )
        raise OpenedByAnother(said.format(opened=opened, now=now))


def needs(permission: str) -> Callable[[View], View]:
    """The view needs an account with this permission."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            require(request.user, permission)
            return view(request, *args, **kwargs)

        return signed_in(guarded)

    return decorate


def login_url() -> str:
    """The project's own sign-in page where it has chosen one, else the desk's."""
    is_chosen = settings.LOGIN_URL != global_settings.LOGIN_URL
    return resolve_url(settings.LOGIN_URL if is_chosen else "reviewer:login")


def person(request: HttpRequest) -> User:
    """Who is signed in; only in views behind `signed_in` or `needs`."""
    assert request.user.is_authenticated
    return request.user


def may(user: Person, permission: str) -> bool:
    return user.has_perm(permission)


def require(user: Person, permission: str) -> None:
    if not may(user, permission):
        raise PermissionMissing(permission)


def question(user: Person, question_id: str) -> Interrupt:
    """The question, with its thread and the people around it."""
    asked = beside.speaking_to(Interrupt.objects.with_people().with_opening(), user)
    found: Interrupt | None = asked.filter(id=question_id).first() if can_be(question_id) else None
    if found is None:
        raise UnknownQuestion(f"There is no question {question_id}. It may have been deleted with its thread.")
    return found


def held(user: Person, question_id: str) -> Interrupt:
    """The question whose answer this person may take back: their own; another's takes more permission."""
    found = question(user, question_id)
    if found.status == Interrupt.Status.HELD and found.answered_by_id != user.pk:
        require(user, ADMINISTER)
    return found


def comments_on(user: Person, said: Iterable[Comment]) -> bool:
    """Whether the person may say something beside the question: who answers, who administers, and who was spoken to.

    said: the comments that stand there.
    """
    if may(user, ANSWER) or may(user, ADMINISTER):
        return True
    return any(user.pk in (one.author_id, one.asked_id) or user.get_username() in one.mentions for one in said)


def question_back(user: Person, asked: Interrupt, comment_id: int) -> Comment:
    """A question back to somebody, for who asked it or administers to withdraw."""
    found = Comment.objects.of(asked).filter(pk=comment_id).exclude(asked_name="").first()
    if found is None:
        raise UnknownComment(gettext("There is no such comment. It may have been deleted with an older question."))
    if found.author_id != user.pk:
        require(user, ADMINISTER)
    return found


def saved_view(user: Person, view_id: int) -> SavedView:
    """A saved view to change: one's own, or with the permission to administer anybody's that is shared."""
    found = SavedView.objects.seen_by(user).filter(pk=view_id).first()
    if found is None:
        raise UnknownView(gettext("There is no such view. It may have been deleted meanwhile."))
    if found.owner_id != user.pk:
        require(user, ADMINISTER)
    return found


def thread(user: Person, thread_id: str) -> Thread:
    """The thread."""
    wanted = beside.counting_asked(Thread.objects.filter(id=thread_id), user)
    found: Thread | None = wanted.first() if can_be(thread_id) else None
    if found is None:
        raise UnknownThread(f"There is no thread {thread_id}. Look for it in the list of runs.")
    return found


def can_be(key: str) -> bool:
    """Whether a database can be asked for this key: PostgreSQL refuses a NUL."""
    return "\x00" not in key


def workflow(user: Person, name: str) -> Workflow:
    """The registered workflow."""
    return registry.get(name)


def workflows(user: Person) -> list[Workflow]:
    """Every registered workflow, by title."""
    return registry.all()
