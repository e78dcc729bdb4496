"""Orders the queue by urgency; what was asked before is as urgent as a question without priority that is never due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import migrations, models


def rank(apps: Any, schema_editor: Any) -> None:
    questions = apps.get_model("hitl", "Interrupt").objects.using(schema_editor.connection.alias)
    questions.update(urgent_at=models.F("asked_at") + timedelta(days=365))


class Migration(migrations.Migration):
    dependencies = [("hitl", "0007_question_checks")]

    operations = [
        migrations.AddField("interrupt", "urgent_at", models.DateTimeField(null=True)),
        migrations.RunPython(rank, migrations.RunPython.noop),
        migrations.AlterField("interrupt", "urgent_at", models.DateTimeField()),
        migrations.AddIndex(
            "interrupt",
            models.Index(
                fields=["urgent_at", "id"], name="hitl_interrupt_urgent", condition=models.Q(status="pending")
            ),
        ),
    ]
