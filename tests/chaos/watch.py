"""What only the database sees: a lease that is taken while it stands.

The fence keeps such a theft from doing harm, so nothing that is written tells of it; only work is done twice. A lease
that was ended by SQL, that has run out, or that was given up is nobody's any more and may be taken.
"""

from __future__ import annotations

from tests.chaos import outside

NOTE = "INSERT INTO bank_theft (thread, owner, epoch) VALUES (OLD.id, OLD.lease_owner, OLD.lease_epoch);"
STOOD = "OLD.lease_owner <> '' AND NEW.lease_owner <> '' AND NEW.lease_epoch <> OLD.lease_epoch"
ON_POSTGRES = f"""
CREATE FUNCTION note_theft() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {NOTE} RETURN NULL; END $$;
CREATE TRIGGER theft AFTER UPDATE ON hitl_thread FOR EACH ROW
WHEN ({STOOD} AND OLD.lease_expires_at > clock_timestamp()) EXECUTE FUNCTION note_theft()
"""
# The clock of SQLite's functions goes by milliseconds.
ON_SQLITE = f"""
CREATE TRIGGER theft AFTER UPDATE ON hitl_thread
WHEN {STOOD} AND OLD.lease_expires_at > strftime('%Y-%m-%d %H:%M:%f', 'now', '+0.002 seconds')
BEGIN {NOTE} END
"""


def thefts(*, is_sqlite: bool) -> None:
    """Watch for them from now on."""
    connection = outside.connect()
    connection.execute(ON_SQLITE if is_sqlite else ON_POSTGRES)
    connection.close()
