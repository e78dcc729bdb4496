"""The one middleware of the desk: htmx details, the reader's time zone, security headers and error pages, for its own
pages alone.

A project that mounts the desk keeps its own policy for its own pages: nothing here touches a response of a
view outside the `reviewer` namespace. It works at any place in `MIDDLEWARE`; before `CsrfViewMiddleware`, it
also answers an oversized form itself (otherwise Django's plain "Bad Request" does).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone
from django_htmx.middleware import HtmxMiddleware

from reviewer import zone
from reviewer.views import errors

Next = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class ReviewerMiddleware:
    """See the module."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        self.next = HtmxMiddleware(get_response)
        self.asynchronous = iscoroutinefunction(get_response)
        if self.asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.asynchronous:
            return self.answer_async(request)
        with as_before():
            response = refusal(request) or cast(HttpResponseBase, self.next(request))
        return finished(request, response)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        # Its page asks the database who is signed in, so it is drawn in a thread; that is rare.
        refused = await sync_to_async(refusal)(request) if problem(request) else None
        with as_before():
            response = refused or await cast(Awaitable[HttpResponseBase], self.next(request))
        return finished(request, response)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        """Only now it is known whose page it is."""
        if is_desk(request):
            zone.activate(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """An engine's error or a lost database as a page that says what to do."""
        return errors.response_to(request, error) if is_desk(request) else None


def as_before() -> timezone.override:
    """Afterwards the time zone is again what it was: another request may come in the same thread."""
    return timezone.override(timezone.get_current_timezone())


def is_desk(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and "reviewer" in match.app_names


def finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    return errors.secured(response) if is_desk(request) else response


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to what no view could make anything of, before anything tries to read it."""
    error = problem(request)
    if error is None:
        return None
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    if "reviewer" not in match.app_names:
        return None
    return errors.secured(errors.page(request, error))


def problem(request: HttpRequest) -> Exception | None:
    return too_large(request) or unaskable(request)


def too_large(request: HttpRequest) -> Exception | None:
    """A form that Django would refuse to read."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or "0"
    return RequestDataTooBig() if limit is not None and length.isdigit() and int(length) > limit else None


def unaskable(request: HttpRequest) -> Exception | None:
    """A filter with a NUL, which no text in the database has and PostgreSQL refuses to compare with."""
    return Http404() if "%00" in request.META.get("QUERY_STRING", "") else None
