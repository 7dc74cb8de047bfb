"""Scores transactions: read, decode, features, score, write. One Kafka transaction a batch."""

import os

# From its import on ONNX Runtime reports to its maker which models it runs, and how fast, unless this is set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
