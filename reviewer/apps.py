"""The desk as a Django app."""

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from hitl import naming


class ReviewerConfig(AppConfig):
    name = "reviewer"
    verbose_name = _("Review desk")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        naming.translate(self)
        if apps.is_installed("django.contrib.admin"):
            from reviewer import schedules_admin, talk_admin  # noqa: F401 (beside admin, which Django looks for)
        from reviewer import checks, metrics  # noqa: F401 (importing the checks registers them)
        from reviewer.live import bridge

        bridge.connect()
        metrics.connect()
