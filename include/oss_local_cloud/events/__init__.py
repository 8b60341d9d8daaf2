"""Object events: what OSS tells an SMQ topic when an object was created (user guide, "Event notifications")."""
