"""Caches for tasks beside Django's: `memory`."""
