"""Serves a runtime while its sources change."""
