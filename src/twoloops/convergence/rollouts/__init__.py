"""How a release reaches the devices: shadow, canary, waves; judged on quality, not on arrival."""
