"""Measurements side by side with LangGraph, in one process and one run: `make bench`."""
