"""The embedded tier as it is served (WAL, IMMEDIATE, synchronous FULL), in a directory of this run's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DIRECTORY = Path(tempfile.mkdtemp(prefix="hitl-bench-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)

os.environ.setdefault("SECRET_KEY", "only for measuring")
os.environ["DATA_DIR"] = str(DIRECTORY)
os.environ.setdefault("LOG_LEVEL", "ERROR")

from reviewer.settings import *  # noqa: F403

HITL_EXECUTOR = "hitl.testing.ManualExecutor"
