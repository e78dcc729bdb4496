"""The desk as a Django app."""

from django.apps import AppConfig


class ReviewerConfig(AppConfig):
    name = "reviewer"
    verbose_name = "Review desk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from reviewer import checks, metrics  # noqa: F401 (importing the checks registers them)
        from reviewer.live import bridge

        bridge.connect()
        metrics.connect()
