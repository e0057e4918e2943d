"""Commands on features."""
