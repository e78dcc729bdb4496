"""What `manage.py check` says about a project that has the desk. Ids are stable.

reviewer.E001   ReviewerMiddleware is missing
reviewer.W002   CsrfViewMiddleware is missing
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

OURS = "reviewer.middleware.ReviewerMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@register(Tags.security, "reviewer")
def middleware(**_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if OURS not in settings.MIDDLEWARE:
        hint = f"Add “{OURS}” to MIDDLEWARE: the desk's forms and error pages need it."
        messages.append(Error("The desk is installed without its middleware", hint=hint, id="reviewer.E001"))
    if CSRF not in settings.MIDDLEWARE:
        hint = f"Add “{CSRF}” to MIDDLEWARE, or silence this if a middleware of your own does the same."
        what = "The desk is installed without CsrfViewMiddleware: other sites could answer in somebody's name"
        messages.append(Warning(what, hint=hint, id="reviewer.W002"))
    return messages
