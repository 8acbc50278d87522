"""How a base and a dataset become one model: heads, students, one ONNX graph out."""
