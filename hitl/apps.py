from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import request_started, setting_changed
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class HitlConfig(AppConfig):
    name = "hitl"
    verbose_name = _("Workflows")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hitl import checks, conf, deployment, naming, registry, search  # noqa: F401 - checks register themselves

        naming.translate(self)
        registry.load()
        setting_changed.connect(conf.reset)
        post_migrate.connect(search.ensure, sender=self, dispatch_uid="hitl.search")
        request_started.connect(_serving)


def _serving(**signal: Any) -> None:
    """The first request shows that this process is a server: its executor, if it has one of its own, begins."""
    from hitl import executors

    request_started.disconnect(_serving)
    executors.serve()
