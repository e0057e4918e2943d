"""What the platform is made of, and whether that is safe to ship: advisories, bill of materials, licences, secrets.

None of it is part of the product: its libraries are in the dependency group `dev`.
"""
