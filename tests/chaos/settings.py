"""The project's settings as the chaos runs it: what is waited for is short, so that a run takes minutes."""

from __future__ import annotations

from reviewer.settings import *  # noqa: F403
from reviewer.settings import HITL_EXECUTOR, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.bank"]
HITL_WORKFLOWS = ["reviewer.demo.workflows", "tests.chaos.workflows", "tests.chaos.turns"]
HITL_EXECUTOR = HITL_EXECUTOR.replace("hitl.", "tests.chaos.", 1)
HITL_LEASE_SECONDS = 5.0
HITL_SWEEP_SECONDS = 0.25
# Signing in is not what is tested here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
