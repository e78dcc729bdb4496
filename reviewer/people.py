"""People by their names: whom a comment mentions, whom a question can be asked back or given to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from reviewer import markdown

MOST_SUGGESTED = 20
MOST_MENTIONED = 20
# Not in the middle of a word: ana@example.com mentions nobody.
MENTION = re.compile(r"(?<![\w.@+-])@([\w.@+-]+)")


def named(names: Iterable[str]) -> list[User]:
    """The active people of these names, in no order."""
    users = get_user_model()
    return list(users.objects.filter(is_active=True, **{f"{users.USERNAME_FIELD}__in": list(names)}))


def by_name(name: str) -> User | None:
    """The active person of this name."""
    return next(iter(named([name])), None)


def mentioned(text: str) -> list[User]:
    """The active people whose names stand in a text as `@name`, outside of code.

    A full stop behind a name is none of it.
    """
    words = MENTION.findall(markdown.words(text))[:MOST_MENTIONED]
    names = {name for word in words for name in (word, word.rstrip(".+-@")) if name}
    return named(names) if names else []


def suggested(text: str) -> list[str]:
    """Names that begin with `text`, for a field that a name is typed into."""
    users = get_user_model()
    field = users.USERNAME_FIELD
    found = users.objects.filter(is_active=True, **{f"{field}__istartswith": text}).order_by(field)
    return [str(name) for name in found.values_list(field, flat=True)[:MOST_SUGGESTED]]
