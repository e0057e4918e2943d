"""The trade's formats: pure readers and writers of X12 and FHIR. Nothing here reads a file, a clock or a database."""
