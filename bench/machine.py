"""What the figures were measured on."""

import datetime
import os
import platform
from importlib.metadata import version

LIBRARIES = ("confluent-kafka", "onnxruntime", "numpy", "orjson", "psycopg")


def describe() -> dict[str, object]:
    """Return the machine and the versions."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": f"{os.cpu_count()} cores {platform.machine()}",
        "python": f"Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
