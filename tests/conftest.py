"""What every test can rely on: the standing cast, and guards against tests that lie.

`ana` administers, `ben` may start and answer, `cleo` may only look.
"""

from __future__ import annotations

import gc
import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection, connections
from django.utils import translation

from tests import emptying

# What a plain `pytest` leaves out, for it needs a server, a browser or patience.
LEFT_OUT = "not postgres and not redis and not browser and not packaging and not chaos and not soak"

# The marker of what needs a server, and the variable that says where it is.
SERVERS = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}


def pytest_configure(config: pytest.Config) -> None:
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.option.markexpr:
        return
    if not named:
        config.option.markexpr = LEFT_OUT
    elif not any("::" in name for name in config.args):
        # Who names a file or a folder does not mean its ten minutes of soak; who names the test does.
        config.option.markexpr = "not soak"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database-only", action="store_true", help="leave out what comes out the same on every database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.database_only:
        left_out = [item for item in items if not needs_database(item)]
        items[:] = [item for item in items if needs_database(item)]
        config.hook.pytest_deselected(items=left_out)


def needs_database(item: pytest.Item) -> bool:
    return uses_database(item) or any(item.get_closest_marker(name) for name in ("postgres", "redis", "race"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what lacks its server, and fail a coroutine test that holds a transaction in the main thread.

    The async ORM works in another thread, hence on another connection: on PostgreSQL its rows would
    leak into other tests, and SQLite reports a locked table.
    """
    for name, variable in SERVERS.items():
        if item.get_closest_marker(name) and not os.environ.get(variable, "").startswith(name):
            pytest.skip(f"needs {variable}={name}://…; `make test` starts the server")
    function = getattr(item, "function", None)
    if inspect.iscoroutinefunction(function) and uses_database(item) and not is_transactional(item):
        pytest.fail(
            "a coroutine test needs django_db(transaction=True) or the transactional_db fixture",
            pytrace=False,
        )


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or bool(fixtures(item) & {"db", "transactional_db"})


def is_transactional(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    by_marker = marker is not None and bool(marker.kwargs.get("transaction") or (marker.args and marker.args[0]))
    return by_marker or bool(
        fixtures(item) & {"transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}
    )


def fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, rid of connections that were half made when the last test ended: it could not be dropped."""
    with django_db_blocker.unblock():
        emptying.begin("default")
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            end_half_made_connections()


def end_half_made_connections() -> None:
    """Of a listener cancelled while it connects only the server knows; such a session has never asked anything."""
    gc.collect()
    connections.close_all()
    connection.close_pool()
    half_made = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND query = ''"
    # Over another database: a connection to this one would be among those that keep it.
    with connection._nodb_cursor() as cursor:
        cursor.execute(half_made, [connection.settings_dict["NAME"]])


@pytest.fixture(autouse=True)
def untranslated() -> Iterator[None]:
    """The language of a test's last request does not outlive it."""
    yield
    translation.deactivate()


@pytest.fixture
def ana(db: Any) -> User:
    """An administrator."""
    return User.objects.create_superuser("ana", password="ana", first_name="Ana")


@pytest.fixture
def ben(db: Any) -> User:
    """A reviewer: may start workflows and answer questions."""
    user = User.objects.create_user("ben", password="ben", first_name="Ben")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="hitl", codename__in=["start_thread", "answer_interrupt"])
    )
    return user


@pytest.fixture
def cleo(db: Any) -> User:
    """Somebody who is signed in and may only look."""
    return User.objects.create_user("cleo", password="cleo", first_name="Cleo")
