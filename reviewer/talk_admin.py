"""Comments in the Admin: to read, like everything that is evidence."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from reviewer.admin import Evidence, desk_address
from reviewer.models import Comment


@admin.register(Comment)
class CommentAdmin(Evidence):
    list_display = ("created_at", "author_name", "question", "asked_name", "settled_at", "settled_by_name", "desk")
    list_filter = ("created_at",)
    list_select_related = ("question",)
    search_fields = ("=question__id", "author_name", "asked_name", "text")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("question", "created_at", "author_name", "author", "text", "mentions")}),
        (_("Asked back"), {"fields": ("asked_name", "asked", "settled_at", "settled_by_name")}),
    )

    def view_on_site(self, obj: Any) -> str | None:
        return desk_address("question", obj.question_id)
