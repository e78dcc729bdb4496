"""`healthz` and `readyz`, for whatever restarts processes and sends requests to them. No account, no secrets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reviewer import readiness


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. It asks nobody, so that a lost database does not get it restarted."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether people should be sent here: 503 if not."""
    found = readiness.look()
    status = readiness.verdict(found)
    told = {one.name: {"ok": not one.problem, **({"problem": one.problem} if one.problem else {})} for one in found}
    response = JsonResponse({"status": status, "checks": told}, status=503 if status == "unready" else 200)
    # Django would write an ERROR for every probe.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
