"""The ground every room stands on: settings, time, identifiers, logging, and the embedded servers."""
