"""Drift: has what the model is asked about become something else than what it learned from?"""
