"""The servers that tests need, brought up for real and taken down again.

    with postgres.running() as url: ...        DATABASE_URL of an empty PostgreSQL
    with redis.running() as url: ...           REDIS_URL of an empty Redis
    chromium.find(install=True)                path of a Chromium

Each uses the system's binary where there is one and installs one otherwise, and raises `Unavailable`
with the reason when neither works. Nothing listens on a well-known port; all data are in a directory
that goes with the server. From a shell:

    python -m tests.services postgres redis -- pytest tests/hitl -m race
"""


class Unavailable(Exception):
    """A service could not be brought up; the message says why."""
