"""Adopts an ONNX model: from the file and some rows to a folder that the scorer serves."""
