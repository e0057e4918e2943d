"""What is generated from the description of the API: the types and methods of the Python client, and the Postman
collection. `make clients` writes them below `clients/`."""

from cli.clients.files import files, write

__all__ = ["files", "write"]
