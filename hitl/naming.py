"""What records and their fields are called, as texts that catalogues translate.

Django makes these names of those in the code. Each becomes a text to be translated once the models are there, so that
no field has to say its name twice; migrations, which read the code, see nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

RECORD, FIELD = "name of a record", "name of a field"


def translate(app: AppConfig) -> None:
    """Let the names of an app's models and fields be translated; in its `ready()`."""
    for owner, attribute, context in _names(app):
        setattr(owner, attribute, pgettext_lazy(context, str(getattr(owner, attribute))))


def texts(app: AppConfig) -> Iterator[tuple[str, str]]:
    """Context and text of each of these names."""
    for owner, attribute, context in _names(app):
        yield context, str(getattr(owner, attribute))


def _names(app: AppConfig) -> Iterator[tuple[Any, str, str]]:
    for model in app.get_models():
        yield model._meta, "verbose_name", RECORD
        yield model._meta, "verbose_name_plural", RECORD
        for field in model._meta.fields:
            yield field, "verbose_name", FIELD
