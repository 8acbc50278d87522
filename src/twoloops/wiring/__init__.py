"""The only place that builds real adapters."""
