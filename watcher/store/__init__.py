"""State on disk: rows, alerts, transitions and the outbox."""
