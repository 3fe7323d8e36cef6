"""Issuers, and the services that accept what they issue, on loopback: for `keywright demo` and for the tests.

They check what the real ones check (signatures, ages, scopes), so a helper that satisfies them speaks the protocol;
each module says which rules it follows and where they are written down. Nothing here is imported by a helper.
"""
