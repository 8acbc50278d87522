"""Built-in features: fixed encoders, nothing to download. They are no open models."""
