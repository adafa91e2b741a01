"""The store: one schema for SQLite and PostgreSQL, and a group commit: nothing is acknowledged that is not on disk."""
