"""Makes room for which questions are alike (hitl.likeness)."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hitl", "0009_newest_questions")]

    operations = [
        migrations.AddField(
            "interrupt", "likeness", models.CharField(blank=True, db_default="", default="", max_length=32)
        ),
        migrations.AddIndex(
            "interrupt",
            models.Index(
                fields=["likeness", "asked_at", "id"],
                name="hitl_interrupt_alike",
                condition=models.Q(status="pending"),
            ),
        ),
        migrations.AddIndex(
            "interrupt",
            models.Index(
                fields=["likeness", "urgent_at", "id"],
                name="hitl_interrupt_alike_urgent",
                condition=models.Q(status="pending"),
            ),
        ),
    ]
