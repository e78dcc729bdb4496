"""Every text has its place in each catalogue, and its translation; what Django reads is what translators wrote."""

from __future__ import annotations

import ast
import gettext
import io
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.checkers import num_plurals
from babel.messages.pofile import read_po

from tests import catalogues

EACH = [(app, language) for app in catalogues.APPS for language in catalogues.LANGUAGES]
HOLES = re.compile(r"%\(\w+\)[sd]|\{\w*\}|</?[a-z][^>]*>")


def key(message: Message) -> tuple[str | None, Any]:
    return message.context, message.id


def messages(app: str, language: str) -> list[Message]:
    return [message for message in catalogues.read(app, language) if message.id]


def forms(message: Message) -> list[tuple[str, str]]:
    """Each form of the text beside its translation."""
    if isinstance(message.string, str):
        return [(message.id, message.string)]
    return [(message.id[0] if at == 0 else message.id[1], form) for at, form in enumerate(message.string or ())]


@pytest.mark.parametrize(("app", "language"), EACH)
def test_every_text_is_in_the_catalogue(app: str, language: str) -> None:
    wanted = {key(message) for message in catalogues.template(app) if message.id}
    assert {key(message) for message in messages(app, language)} == wanted, "run `make texts`, then translate"


def test_every_text_is_in_the_template_of_other_languages() -> None:
    with catalogues.TEMPLATE.open("rb") as file:
        kept = {key(message) for message in read_po(file) if message.id}
    assert kept == {key(message) for message in catalogues.template(*catalogues.APPS) if message.id}, "run `make texts`"


@pytest.mark.parametrize(("app", "language"), EACH)
def test_every_text_is_translated_and_nothing_is_fuzzy(app: str, language: str) -> None:
    found = messages(app, language)
    assert [key(one) for one in found if one.fuzzy or not forms(one) or not all(form for _, form in forms(one))] == []
    for one in found:
        num_plurals(catalogues.read(app, language), one)


@pytest.mark.parametrize(("app", "language"), EACH)
def test_translations_keep_what_is_filled_in_and_the_markup(app: str, language: str) -> None:
    for message in messages(app, language):
        for text, translated in forms(message):
            assert sorted(HOLES.findall(translated)) == sorted(HOLES.findall(text)), text
            # A translation stands in attributes as well as in text, and is not escaped there.
            assert translated.count('"') == text.count('"'), f"use „…“ in the translation of {text}"
            assert (text[:1].isspace(), text[-1:].isspace()) == (translated[:1].isspace(), translated[-1:].isspace())


@pytest.mark.parametrize(("app", "language"), EACH)
def test_what_django_reads_is_what_translators_wrote(app: str, language: str) -> None:
    kept = gettext.GNUTranslations(io.BytesIO(catalogues.path_of(app, language).with_suffix(".mo").read_bytes()))
    fresh = gettext.GNUTranslations(io.BytesIO(catalogues.compiled(catalogues.read(app, language))))
    # The entry of the empty text says which tool wrote the file.
    assert {**kept._catalog, "": ""} == {**fresh._catalog, "": ""}, "run `make texts`"  # type: ignore[attr-defined]


@pytest.mark.parametrize("app", catalogues.APPS)
def test_no_text_is_out_of_the_extractions_sight(app: str) -> None:
    """A call within an f-string, or with a text that is put together, would never be translated."""
    texts = [text for _, (_, text) in catalogues.texts(app)]
    found = {one for text in texts for one in (text if isinstance(text, tuple) else (text,))}
    for path in sorted((catalogues.ROOT / app).rglob("*.py")):
        for call in calls(path):
            given = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            known = not given or given[-1] in found
            assert known, f"{path}:{call.lineno}: {given[-1]!r} is not found by the extraction"


def calls(path: Path) -> list[ast.Call]:
    tree = ast.walk(ast.parse(path.read_text()))
    return [node for node in tree if isinstance(node, ast.Call) and getattr(node.func, "id", "") in catalogues.KEYWORDS]
