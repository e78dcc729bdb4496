from __future__ import annotations

from django.db import models


class Effect(models.Model):
    """One effect of a call. Nothing is unique here: a second one must be seen, not prevented."""

    call = models.CharField(max_length=2300)

    class Meta:
        app_label = "bank"

    def __str__(self) -> str:
        return self.call


class Theft(models.Model):
    """A lease that was taken while it stood, as a trigger saw it (tests.chaos.watch)."""

    thread = models.CharField(max_length=200)
    owner = models.CharField(max_length=200)
    epoch = models.BigIntegerField()

    class Meta:
        app_label = "bank"

    def __str__(self) -> str:
        return f"{self.thread}: epoch {self.epoch}, of {self.owner}"
