"""Object events: messages about created objects in an SMQ topic (user guide, "Event notifications")."""
