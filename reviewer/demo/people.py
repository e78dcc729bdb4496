"""The people of the demo. Their password is known to everybody, so they exist nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Permission, User
from django.db import transaction

PASSWORD = "demo"


@dataclass(frozen=True)
class Person:
    """Somebody to sign in as; `may` names permissions of the engine."""

    username: str
    first_name: str
    can: str
    may: tuple[str, ...] = ()
    administrator: bool = False


PEOPLE = [
    Person("ana", "Ana", "administers", administrator=True),
    Person("ben", "Ben", "starts workflows and answers", may=("start_thread", "answer_interrupt")),
    Person("cleo", "Cleo", "may only look"),
]


@transaction.atomic
def create() -> None:
    """Create whoever is missing. Somebody who is there stays as they are."""
    for person in PEOPLE:
        user, is_new = User.objects.get_or_create(
            username=person.username,
            defaults={
                "first_name": person.first_name,
                "is_staff": person.administrator,
                "is_superuser": person.administrator,
            },
        )
        if is_new:
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
            user.user_permissions.set(
                Permission.objects.filter(content_type__app_label="hitl", codename__in=person.may)
            )
