"""Finds the latest answers by when they were given.

By when they were asked, another index has that order, too, and PostgreSQL takes it although all that waits lies first.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hitl", "0011_likeness_of_old")]

    operations = [
        migrations.RemoveIndex("interrupt", name="hitl_interrupt_precedents"),
        migrations.AddIndex(
            "interrupt",
            models.Index(
                fields=["workflow", "-answered_at"],
                name="hitl_interrupt_precedents",
                condition=models.Q(status="answered"),
            ),
        ),
    ]
