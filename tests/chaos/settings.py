"""The project's settings with short leases, so that a killed process is missed within seconds."""

from reviewer.settings import *  # noqa: F403

HITL_LEASE_SECONDS = 5.0
HITL_SWEEP_SECONDS = 0.25
# The server and the workers beside it execute, on either database.
HITL_EXECUTOR = "hitl.executors.inprocess.InProcess"
