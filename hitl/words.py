"""What the engine says to people who answer, in their language.

A program may use the engine without Django (`hitl.checkpoint.memory`), or before its apps are loaded: then there are no
catalogues, and the texts stay as they are written. What the engine says to programmers and logs is never translated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def gettext(text: str) -> str:
    """The text in the active language."""
    if not _has_catalogues():
        return text
    from django.utils import translation

    return translation.gettext(text)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The text in the active language, in the form for this number."""
    if not _has_catalogues():
        return singular if number == 1 else plural
    from django.utils import translation

    return translation.ngettext(singular, plural, number)


@contextmanager
def as_written() -> Iterator[None]:
    """Within the block texts are not translated: for what is stored, which readers of any language will see."""
    if not _has_catalogues():
        yield
        return
    from django.utils import translation

    with translation.override(None):
        yield


def _has_catalogues() -> bool:
    """Whether Django's apps are ready; nothing is imported to find that out."""
    module = sys.modules.get("django.apps")
    return module is not None and bool(module.apps.ready)
