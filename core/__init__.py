"""Settings, time, identifiers, logging, processes and the embedded servers, for all other packages."""
