"""FaultInjection on request: faults that a test or a chaos harness asks the local cloud for, all of them seeded.

`rules` says what can be asked for, `injector` decides, the layers (`http_layer`, `notifications`, `conversions`) do
it, `admin` is the HTTP API and `client` speaks to it. Nothing of this is loaded unless the admin port is on.
"""
