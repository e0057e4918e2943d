"""Drift: how each day's claims and scores differ from those the champion was trained on, and what is an alarm."""
