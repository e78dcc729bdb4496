"""Knows which questions are alike, also of those from before.

Not in one transaction: those may be a million rows, so they are written some thousand at a time, answers go on
meanwhile, and what was interrupted goes on where it was. A process that still runs the code from before writes no
likeness: its questions stand alone, and `manage.py hitl doctor --rebuild` finds them.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

ROWS_AT_ONCE = 5_000
# As `hitl.likeness` has it.
PARTS = ("workflow", "task", "kind", "digest", "priority", "assignee_id", "checks", "schema")
HASHES = {
    "postgresql": "left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32)",
    # Django gives its connections this function.
    "sqlite": "substr(SHA256({text}), 1, 32)",
}
SEPARATOR = {"postgresql": "chr(31)", "sqlite": "char(31)"}


def work_out(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    separated = f" || {SEPARATOR[connection.vendor]} || "
    text = separated.join(f"COALESCE(CAST({part} AS text), '')" for part in PARTS)
    update = (
        f"UPDATE hitl_interrupt SET likeness = {HASHES[connection.vendor].format(text=text)} "
        "WHERE id > %s AND id <= %s AND problem = '' AND likeness = ''"
    )
    ids = (
        apps.get_model("hitl", "Interrupt").objects.using(connection.alias).order_by("id").values_list("id", flat=True)
    )
    after = ""
    with connection.cursor() as cursor:
        while some := list(ids.filter(id__gt=after)[:ROWS_AT_ONCE]):
            cursor.execute(update, [after, some[-1]])
            after = some[-1]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("hitl", "0010_likeness")]

    operations = [migrations.RunPython(work_out, migrations.RunPython.noop)]
