"""Scores transactions: read, decode, recall, score, explain, encode, write; one Kafka transaction a batch."""

import os

# Must be set before ONNX Runtime is imported: it else reports to its maker which models it runs, and how fast.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
