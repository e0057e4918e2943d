"""Generated requests to every route of the API, checked against its description: `python -m benchmarks.fuzz`."""
