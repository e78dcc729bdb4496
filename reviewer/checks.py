"""What `manage.py check` says about a project that has the desk. Ids are stable.

reviewer.E001   ReviewerMiddleware is missing
reviewer.W002   CsrfViewMiddleware is missing
reviewer.W003   the live layer loses its connections to Redis
reviewer.W004   static files have not been collected
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.templatetags.static import static

OURS = "reviewer.middleware.ReviewerMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
ONE_OF_OURS = "reviewer/js/early.js"


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


@register("reviewer", deploy=True)
def live_layer(**_: Any) -> list[CheckMessage]:
    """Channels' default Redis layer with redis-py 8 ends idle consumers after five seconds."""
    messages: list[CheckMessage] = []
    for alias, layer in getattr(settings, "CHANNEL_LAYERS", {}).items():
        hosts = layer.get("CONFIG", {}).get("hosts", [])
        told = bool(hosts) and all(isinstance(host, dict) and "socket_timeout" in host for host in hosts)
        if layer.get("BACKEND") == "channels_redis.core.RedisChannelLayer" and not told:
            hint = (
                "Use “channels_redis.pubsub.RedisPubSubChannelLayer”, or give each of its hosts as "
                '{"address": "redis://…", "socket_timeout": None}.'
            )
            what = f"The channel layer “{alias}” loses its connections to Redis after five idle seconds"
            messages.append(Warning(what, hint=hint, id="reviewer.W003"))
    return messages


@register("reviewer", deploy=True)
def static_files(**_: Any) -> list[CheckMessage]:
    """A storage that names files by their content has to have seen them; then it can name any one of ours."""
    try:
        static(ONE_OF_OURS)
    except ValueError:
        hint = "Run `manage.py collectstatic --noinput`, again after each update."
        what = "Static files have not been collected: no page can be shown"
        return [Warning(what, hint=hint, id="reviewer.W004")]
    return []
