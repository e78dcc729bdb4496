"""Every error as a page, or for htmx as a notice above a page that stays as it is.

This is the one place where an error becomes a status and words. What somebody typed survives: an htmx form is
left alone, and the page for a lost database carries what was posted, ready to be sent again.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hitl.errors import HitlError, JournalUnreachable
from reviewer.access import PermissionMissing, SignedOut, StaleForm
from reviewer.telling import told

logger = logging.getLogger("reviewer")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Revalidated, but not `no-store`: the browser's Back must bring back what was typed.
    "Cache-Control": "private, no-cache",
}

TITLES = {
    400: _("The request could not be read"),
    401: _("You are signed out"),
    403: _("This is not yours to do"),
    404: _("There is nothing here"),
    409: _("Something else came first"),
    413: _("This is too large"),
    422: _("This cannot be taken"),
    500: _("Something went wrong"),
    503: _("The database does not answer"),
}

# Fields of every form that nobody has typed.
HIDDEN = ("version", "token", "key", "next", "page_of")

OUTDATED = _(
    "Your session has changed. What you typed is still here: reload the desk or sign in again in another tab, "
    "then send it again here."
)
OUTDATED_PAGE = _("Your session has changed, and nothing was saved. Open the page again, and send it again from there.")
FOREIGN = _(
    "It came from another address than the desk's, and nothing was saved. Where this happens on the desk's own "
    "pages, whoever runs it has to name their address in CSRF_TRUSTED_ORIGINS."
)
UNREACHABLE = _("It is locked or gone for a while. Nothing was saved, not even in part. Try again in a moment.")


@dataclasses.dataclass(frozen=True)
class Problem:
    """What the page says."""

    status: int
    message: str
    permission: str = ""
    heading: str = ""

    @property
    def title(self) -> str:
        return str(self.heading or TITLES.get(self.status, TITLES[500]))


class OutdatedForm(StaleForm):
    """A form from before the last sign-in."""

    status = 403
    heading = _("This page is out of date")


class ForeignForm(HitlError):
    """A form from another site."""

    status = 403


def response_to(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The page for an error that the desk knows; None leaves it to Django."""
    if isinstance(error, OperationalError | InterfaceError | JournalUnreachable):
        logger.error("The database does not answer: %s", error, exc_info=error)
    known = (HitlError, PermissionDenied, Http404, RequestDataTooBig, OperationalError, InterfaceError)
    return page(request, error) if isinstance(error, known) else None


def problem_of(error: Exception | None) -> Problem:
    """An error as status and words."""
    match error:
        case JournalUnreachable() | OperationalError() | InterfaceError():
            return Problem(503, str(UNREACHABLE))
        case PermissionMissing():
            return Problem(
                403,
                gettext("You need the permission “{title}” for this.").format(title=error.title),
                error.permission,
            )
        case PermissionDenied():
            return Problem(403, gettext("Your account is not allowed to do this."))
        case RequestDataTooBig():
            limit = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
            return Problem(
                413, gettext("A form may hold up to {size}. Go back, shorten it, and send it again.").format(size=limit)
            )
        case StaleForm():
            return Problem(error.status, str(error), heading=error.heading)
        case HitlError():
            return Problem(error.status, told(error))
        case Http404():
            return Problem(404, gettext("The address may be mistyped, or what stood here was deleted."))
        case _:
            return Problem(500, gettext("It was not your doing, and it has been logged. Nothing was saved."))


def page(request: HttpRequest, error: Exception | None) -> HttpResponse:
    """The error's page; for htmx a notice that leaves the page around it untouched."""
    problem = problem_of(error)
    context = {"problem": problem, "login": isinstance(error, SignedOut | OutdatedForm)}
    if is_fragment(request):
        response = render(request, "reviewer/errors/notice.html", context, status=problem.status)
        response["HX-Retarget"] = "#flash"
        response["HX-Reswap"] = "innerHTML show:window:top"
        return response
    if request.method == "POST" and (problem.status == 503 or isinstance(error, StaleForm)):
        context["posted"] = list(posted(request))
        # What came without a token may be another site's words: nobody is to send them on with a click.
        context["resend"] = problem.status == 503
        context["again"] = page_of_form(request)
    return render(request, "reviewer/errors/page.html", context, status=problem.status)


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx has asked, so that the page around the answer stays."""
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")


def page_of_form(request: HttpRequest) -> str:
    """The page that has the form which was sent to this address."""
    match = request.resolver_match
    kwargs = match.kwargs if match else {}
    for name, key in (("question", "question_id"), ("thread", "thread_id")):
        if key in kwargs:
            return reverse(f"reviewer:{name}", args=[kwargs[key]])
    return request.path


def posted(request: HttpRequest) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether to show it, of all that was sent; nothing where a password was."""
    if any("password" in name for name in request.POST):
        return
    for name, values in request.POST.lists():
        if name != "csrfmiddlewaretoken":
            for value in values:
                yield name, str(value), name not in HIDDEN and bool(value)


def secured(response: HttpResponseBase) -> HttpResponseBase:
    """The response with the desk's security headers, where the view has not set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


# The handlers of a project whose pages are all the desk's (reviewer.root_urls).


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if isinstance(exception, RequestDataTooBig):
        return secured(page(request, exception))
    return secured(
        render(
            request,
            "reviewer/errors/page.html",
            {"problem": Problem(400, gettext("Go back and try again."))},
            status=400,
        )
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return secured(page(request, exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return secured(page(request, Http404()))


def unknown(request: HttpRequest) -> HttpResponseBase:
    """For addresses that nothing else has."""
    return not_found(request, Http404())


def server_error(request: HttpRequest) -> HttpResponseBase:
    return secured(page(request, None))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """For `CSRF_FAILURE_VIEW`: most often somebody signed in again in another tab."""
    if reason.startswith(("Origin checking", "Referer checking")):
        return secured(page(request, ForeignForm(str(FOREIGN))))
    return secured(page(request, OutdatedForm(str(OUTDATED if is_fragment(request) else OUTDATED_PAGE))))
