"""Durable workflows for Django that stop and wait for a person."""
