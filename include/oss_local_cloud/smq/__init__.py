"""SMQ (Simple Message Queue, formerly MNS): topics, queues and subscriptions over the service's own HTTP API."""
