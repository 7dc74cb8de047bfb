"""Describes the machine that the figures were measured on."""

import datetime
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.servers import Servers
from stack.settings import StackSettings

LIBRARIES = ("confluent-kafka", "onnxruntime", "numpy", "orjson", "psycopg")


def describe(servers: Servers) -> dict[str, str]:
    """Return the machine, the load and the versions."""
    with servers.connect() as connection:
        ((postgres,),) = connection.execute("show server_version").fetchall()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load": f"load average at the start {os.getloadavg()[0]:.1f}",
        "python": f"Python {platform.python_version()}",
        "servers": f"Kafka {_kafka_version()}, PostgreSQL {postgres.split()[0]}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _processor() -> str:
    """Return the processor's name, or its architecture where the system does not know it."""
    cpuinfo = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*: (.*)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        if cpuinfo.exists()
        else None
    )
    return found[1].strip() if found else platform.processor() or platform.machine()


def _kafka_version() -> str:
    jars = StackSettings.read().jars.glob("kafka-clients-*.jar")
    return ", ".join(sorted(jar.stem.removeprefix("kafka-clients-") for jar in jars))
