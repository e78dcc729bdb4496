"""The project's settings as the tests run them: nothing moves by itself.

SQLite unless `DATABASE_URL` names another database, and always a file: shared-cache memory ignores the
busy timeout that the race tests rely on. Each test process has a directory of its own.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


# What a killed process has left goes first: nobody else will tidy it up.
TEMPORARY = Path(tempfile.gettempdir())
for left in TEMPORARY.glob("hitl-tests-*"):
    if not is_running(left.name.removeprefix("hitl-tests-")):
        shutil.rmtree(left, ignore_errors=True)

DIRECTORY = TEMPORARY / f"hitl-tests-{os.getpid()}"
DIRECTORY.mkdir(exist_ok=True)
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)

os.environ.setdefault("SECRET_KEY", "only for tests")
os.environ.setdefault("DATA_DIR", str(DIRECTORY))
os.environ.setdefault("LOG_LEVEL", "WARNING")

from reviewer.settings import *  # noqa: E402, F403
from reviewer.settings import DATABASES  # noqa: E402

DEBUG = False
HITL_DEMO = False
HITL_EXECUTOR = "hitl.testing.ManualExecutor"
# Answers stand at once, but where a test is about undoing them.
HITL_UNDO_SECONDS = 0

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": DIRECTORY / "test.sqlite3"}
    # SQLite lets waiting writers race for the lock, in no order: on a busy machine one of them may lose for long.
    DATABASES["default"]["OPTIONS"]["timeout"] = 60

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files are found when asked for, rather than counted by every client that a test makes.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
