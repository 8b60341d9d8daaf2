"""Verifying the request signatures of the three services.

One module for each scheme; none of them knows HTTP servers or the object store.
"""
