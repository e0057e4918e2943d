"""Shared infrastructure: settings, time, identifiers, logging, formatting, and the embedded servers."""
