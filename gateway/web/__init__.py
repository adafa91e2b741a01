"""The small HTTP side: liveness, readiness and published keys."""
