"""`python -m stack.settings_table`: write docs/settings.md and .env.example from the settings classes."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.common.settings import KafkaSettings, ProcessSettings, Settings, TopicSettings, project_root
from services.scorer.settings import ScorerSettings
from services.sink.settings import SinkSettings
from services.tools.retention.settings import RetentionSettings
from stack.settings import StackSettings
from ui.settings import ShareSettings, UiSettings

HEADINGS: dict[str, tuple[type[Settings], ...]] = {
    "Ports and files of the stack without Docker (KAFKA_PORT, POSTGRES_PORT, UI_PORT: of compose too)": (
        StackSettings,
    ),
    "Kafka and its topics, all services": (KafkaSettings, TopicSettings),
    "Scorer, sink and page": (ProcessSettings,),
    "Scorer": (ScorerSettings,),
    "Sink": (SinkSettings,),
    "Retention": (RetentionSettings,),
    "Page": (UiSettings, ShareSettings),
}

OF_THE_USER = frozenset({"state_dir"})
"""Settings whose default differs between users: the description explains it."""

PLAIN = {
    "KAFKA_CONF_…": ("", "any librdkafka property: KAFKA_CONF_SECURITY_PROTOCOL sets security.protocol"),
    "KAFKA_CONF_…_FILE": (
        "",
        "the same from a file: KAFKA_CONF_SASL_PASSWORD_FILE, a file with sasl.password",
    ),
    "PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD": ("", "libpq's own: the address of PostgreSQL for sink and page"),
    "PGSSLMODE, PGSSLROOTCERT": ("", "libpq's own: verify-full, and the CA certificate of the server's"),
    "PGPASSWORD_FILE": ("", "a file with PGPASSWORD"),
    "LOG_LEVEL": ("INFO", "lowest level of the log lines"),
    "LOG_FORMAT": ("", "json or text; by default text in a terminal and in compose, json elsewhere"),
    "IMAGE_PREFIX": ("fraud-", "of compose's images: ghcr.io/OWNER/fraud- runs released ones instead of building"),
    "PROMETHEUS_PORT": ("9090", "port of Prometheus on loopback, compose's profile `monitoring`"),
    "PROMETHEUS_RETENTION": ("15d", "how long it retains what it has scraped"),
    "SIMULATOR_RATE": ("20", "transactions per second of compose's profile `load`"),
    "MEMORY_LIMIT": ("2g", "memory limit of each of compose's containers"),
}


@dataclass(frozen=True)
class Variable:
    """One environment variable."""

    name: str
    default: str
    meaning: str


def variables(settings: type[Settings]) -> Iterator[Variable]:
    """Yield the variables of a settings class."""
    prefix = settings.model_config.get("env_prefix") or ""
    for name, field in settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None or name in OF_THE_USER else str(default).replace(f"{project_root()}/", "")
        yield Variable(f"{prefix}{name}".upper(), shown, field.description or "")


def markdown() -> str:
    """Return docs/settings.md."""
    lines = ["# Settings", "", "Written by `python -m stack.settings_table` from the settings classes.", ""]
    for heading, classes in HEADINGS.items():
        lines += [f"## {heading}", "", "| variable | default | meaning |", "|---|---|---|"]
        lines += [f"| `{v.name}` | {v.default} | {v.meaning} |" for settings in classes for v in variables(settings)]
        lines.append("")
    lines += ["## Others", "", "| variable | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {meaning} |" for name, (default, meaning) in PLAIN.items()]
    return "\n".join(lines) + "\n"


def env_example() -> str:
    """Return .env.example: every variable with its default, commented out."""
    lines = ["# Copy to .env and uncomment what you change. docs/settings.md has the same list.", ""]
    for heading, classes in HEADINGS.items():
        lines += [f"### {heading}"]
        for settings in classes:
            lines += [line for v in variables(settings) for line in (f"# {v.meaning}", f"#{v.name}={v.default}")]
        lines.append("")
    lines += ["### Others"]
    for name, (default, meaning) in PLAIN.items():
        if name.isidentifier() and name.isascii():
            lines += [f"# {meaning}", f"#{name}={default}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    (project_root() / "docs/settings.md").write_text(markdown(), encoding="utf-8")
    (project_root() / ".env.example").write_text(env_example(), encoding="utf-8")


if __name__ == "__main__":
    main()
