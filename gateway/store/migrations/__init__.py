"""The steps from an empty database to the schema of today, forward only; Alembic runs them."""
