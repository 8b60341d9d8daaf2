"""Fault injection: seeded faults that a test or a chaos harness asks the local cloud for.

`rules` defines the faults and `fault_injector` decides when they happen. `request_faults`, `message_faults` and
`task_faults` apply them. `admin_api` is the HTTP API and `admin_client` its client. Nothing of this package is loaded
unless the admin port is on.
"""
