"""An encoder as its publisher ships it (ONNX and side files) → a base."""
