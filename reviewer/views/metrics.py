"""`metrics`, for Prometheus with the token of HITL_METRICS_TOKEN, and for people who may administer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reviewer import access
from reviewer import metrics as measured


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """One scrape."""
    if not measured.is_token(request.headers.get("Authorization", "")):
        if not request.user.is_authenticated:
            return refused()
        access.require(request.user, access.ADMINISTER)
    if not measured.is_installed():
        return plain("Nothing is measured: install hitl-reviewer[metrics], or prometheus-client.\n", status=501)
    from reviewer.metrics import exposition

    text, content_type = exposition.page(request.headers.get("Accept", ""))
    return HttpResponse(text, content_type=content_type)


def refused() -> HttpResponse:
    """To whoever is not signed in, what a scraper has to send."""
    told = "Send “Authorization: Bearer …” with the token of HITL_METRICS_TOKEN"
    unset = "" if measured.token() else ", which is not set here"
    response = plain(f"{told}{unset}.\n", status=401)
    response["WWW-Authenticate"] = "Bearer"
    return response


def plain(text: str, *, status: int) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    # Django would write a line for every scrape.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
