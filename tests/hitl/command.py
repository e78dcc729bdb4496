"""`manage.py hitl` called in this process, and what came of it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Result:
    """`err` holds remarks, or the error's one line."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def hitl(*arguments: str) -> Result:
    """Run it, and take the exit code from where Django takes it."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("hitl", *arguments, stdout=out, stderr=err)
        code = 0
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    except SystemExit as ended:
        code = int(ended.code or 0)
    return Result(code, out.getvalue(), err.getvalue())
