"""The catalogues of translations: `make texts` brings them up to date with the texts in code and templates.

Each app has its own, `<app>/locale/<language>/LC_MESSAGES/django.po`, and beside it the .mo that Django reads: that is
kept in the repository, so that neither a clone nor the wheel needs gettext. New texts come in untranslated,
translations stay with their texts, and what no text needs any more goes. What is missing, `tests/test_catalogues.py`
says.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
APPS = {"hitl": ["hitl"], "reviewer": ["reviewer", "templates/reviewer"]}
LANGUAGES = ["de"]
# What another language begins with: the texts of both.
TEMPLATE = ROOT / "reviewer" / "locale" / "django.pot"
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
# Files that only moved in time are not changed.
NO_DATE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
HEADER = "# Translations of hitl and its review desk."

Text = tuple[str | None, str | tuple[str, ...]]


@cache
def texts(app: str) -> tuple[tuple[str, Text], ...]:
    """Where each text of an app stands, and the text: its context and itself, or its singular and plural."""
    files = [path for top in APPS[app] for path in sorted((ROOT / top).rglob("*")) if path.suffix in (".py", ".html")]
    written = [(str(path.relative_to(ROOT)), text) for path in files for text in texts_in(path)]
    return (*written, *((f"{app}/models.py", text) for text in names(app)))


def texts_in(path: Path) -> Iterator[Text]:
    source = path.read_text()
    if path.suffix == ".html":
        # Within parentheses, no indentation counts.
        source = f"({templatize(source, origin=str(path))})"
    for _, text, _, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield context, text


def names(app: str) -> Iterator[Text]:
    """What the records of an app and their fields are called."""
    from django.apps import apps
    from django.utils import translation

    from hitl import naming

    with translation.override(None):
        yield from naming.texts(apps.get_app_config(app))


def template(*apps: str) -> Catalog:
    """The texts of these apps, as a catalogue without translations."""
    found = Catalog(charset="utf-8")
    for app in apps:
        for place, (context, text) in texts(app):
            found.add(text, locations=[(place, 1)], context=context)
    return tidied(found)


def path_of(app: str, language: str) -> Path:
    return ROOT / app / "locale" / language / "LC_MESSAGES" / "django.po"


def read(app: str, language: str) -> Catalog:
    path = path_of(app, language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(app: str, language: str) -> Catalog:
    """The catalogue with the texts that there are now."""
    catalogue = read(app, language)
    catalogue.update(template(app), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.language_team = language
    return tidied(catalogue)


def tidied(catalogue: Catalog) -> Catalog:
    """With a head that changes only when something else does."""
    catalogue.header_comment = HEADER
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    catalogue.project, catalogue.version, catalogue.last_translator = "hitl-reviewer", "", ""
    return catalogue


def write(catalogue: Catalog, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=110, include_lineno=False, sort_output=True)


def compiled(catalogue: Catalog) -> bytes:
    """What Django reads."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> None:
    write(template(*APPS), TEMPLATE)
    for app in APPS:
        for language in LANGUAGES:
            catalogue, path = updated(app, language), path_of(app, language)
            write(catalogue, path)
            path.with_suffix(".mo").write_bytes(compiled(catalogue))
            missing = sum(1 for message in catalogue if message.id and not all(_parts(message.string)))
            print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {missing} of them not translated")


def _parts(string: Any) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ("",))


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    main()
