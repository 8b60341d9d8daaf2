"""Verification of the request signatures of the three services.

There is one module for each scheme. None of them imports an HTTP server or the object store.
"""
