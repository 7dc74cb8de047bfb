"""`python -m stack COMMAND`: the whole product without Docker. Parts meet here."""

import argparse
import errno
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from services.common.errors import FraudError, Stop
from services.common.logs import configure_logs
from services.common.settings import project_root
from stack.env_file import check_lines, load_env_file
from stack.environment import for_services
from stack.plan import (
    dlq_environment,
    doctor_arguments,
    everything,
    infrastructure,
    kafka_environment,
    owner_environment,
    psql_environment,
    sender_environment,
)
from stack.postgres import binary
from stack.report import read_report
from stack.settings import StackSettings
from stack.show import print_logs, print_ports, status_table
from stack.supervisor import Supervisor
from stack.up import down, make_way, restart, up

EXIT_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code."""
    options, further = _parser().parse_known_args(arguments)
    if further and not options.passes_on:
        _parser().error(f"unknown: {' '.join(further)}")
    options.further = further
    try:
        _load_env_file(is_needed=options.needs_settings)
        return options.run(options, _settings()) or 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except FraudError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"\n{error.filename}: {error.strerror}; STACK_HOME names a folder of your own", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        print(f"\n{error.filename or 'writing'}: {error.strerror}; free some space, then run it again", file=sys.stderr)
        return 1


def _load_env_file(*, is_needed: bool) -> None:
    """Read `.env`. For commands that need no settings a wrong line is only a warning."""
    path = project_root() / ".env"
    try:
        check_lines(path, load_env_file(path))
    except Stop as error:
        if is_needed:
            raise
        print(error, file=sys.stderr)


def _settings() -> StackSettings:
    """Return the settings; the ports of a stack that runs are those it was started with."""
    settings = StackSettings.read()
    report = read_report(settings.home)
    return settings.with_ports(report.ports) if report and report.is_running else settings


def _up(options: argparse.Namespace, settings: StackSettings) -> None:
    up(settings, options.since, with_sample=not options.no_sample)


def _down(options: argparse.Namespace, settings: StackSettings) -> None:
    down(settings, options.volumes)


def _status(_: argparse.Namespace, settings: StackSettings) -> int:
    """Print the table; exit code 0 only if everything is up."""
    report = read_report(settings.home)
    if report is None:
        print("nothing runs; `make up` starts everything")
        return 1
    print(status_table(report, time.time()))
    return 0 if report.actual_phase == "up" else 1


def _restart(options: argparse.Namespace, settings: StackSettings) -> None:
    restart(settings, options.service)


def _logs(options: argparse.Namespace, settings: StackSettings) -> None:
    print_logs(settings.home / "logs", options.service, options.follow)


def _psql(options: argparse.Namespace, settings: StackSettings) -> None:
    program = str(binary(options.program))
    os.execve(program, [program, *options.further], psql_environment(settings))  # noqa: S606  # it takes our place


def _send(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.sender", [options.file, *options.further], sender_environment(settings))


def _dlq(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.dlq", options.further, dlq_environment(settings))


def _backfill(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.backfill", options.further, kafka_environment(settings) | psql_environment(settings))


def _labels(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.labels", options.further, owner_environment(settings))


def _schema(options: argparse.Namespace, _: StackSettings) -> None:
    _become("services.tools.schema", options.further, for_services())


def _topics(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.topics", options.further, kafka_environment(settings))


def _transactions(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.transactions", options.further, kafka_environment(settings))


def _customer(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.customer", options.further, owner_environment(settings))


def _retention(options: argparse.Namespace, settings: StackSettings) -> None:
    _become("services.tools.retention", options.further, owner_environment(settings))


def _doctor(options: argparse.Namespace, settings: StackSettings) -> None:
    """Say who has the ports of a stack that does not run, then examine the rest."""
    report = read_report(settings.home)
    if report is None or not report.is_running:
        print_ports(settings)
    _become("services.tools.doctor", [*doctor_arguments(settings), *options.further], owner_environment(settings))


def _become(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    argv = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, argv, environment)  # noqa: S606  # the module takes our place


def _run_infra(_: argparse.Namespace, settings: StackSettings) -> int:
    """Run Kafka and PostgreSQL in the foreground; the services can then be run by hand."""
    report = read_report(settings.home)
    if report and report.is_running:
        raise Stop("the stack runs already: `make down` first")
    ports = settings.ports()
    make_way(settings, {name: ports[name] for name in ("KAFKA_PORT", "POSTGRES_PORT")})
    configure_logs("supervisor")
    return Supervisor(infrastructure(settings), settings.home, settings.ports()).run()


def _supervise(_: argparse.Namespace, settings: StackSettings) -> int:
    configure_logs("supervisor")
    return Supervisor(everything(settings), settings.home, settings.ports()).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__, allow_abbrev=False)
    parser.set_defaults(passes_on=False, needs_settings=True)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="start everything, send a sample file through")
    command.add_argument("--no-sample", action="store_true", help="do not send the sample file")
    since = "when the command began, in seconds of the Unix epoch; now by default"
    command.add_argument("--since", type=float, default=time.time(), help=since)
    command.set_defaults(run=_up)

    command = commands.add_parser("down", help="stop everything")
    command.add_argument("--volumes", action="store_true", help="remove the data too")
    command.set_defaults(run=_down, needs_settings=False)

    commands.add_parser("status", help="services and their states").set_defaults(run=_status, needs_settings=False)

    command = commands.add_parser("restart", help="end a service and start it again")
    command.add_argument("service")
    command.set_defaults(run=_restart)

    command = commands.add_parser("logs", help="last lines of the logs")
    command.add_argument("service", nargs="?", help="of this service alone")
    command.add_argument("--follow", action="store_true", help="go on until interrupted")
    command.set_defaults(run=_logs, needs_settings=False)

    for program in ("psql", "pg_dump", "pg_restore"):
        command = commands.add_parser(program, help="as the owner; its own arguments follow", add_help=False)
        command.set_defaults(run=_psql, program=program, passes_on=True)

    command = commands.add_parser("send", help="send a CSV file of transactions; the sender's own arguments may follow")
    command.add_argument("file")
    command.set_defaults(run=_send, passes_on=True)

    command = commands.add_parser("dlq", help="dead letters: inspect, replay; its arguments follow", add_help=False)
    command.set_defaults(run=_dlq, passes_on=True)

    command = commands.add_parser("backfill", help="score again with another model; arguments follow", add_help=False)
    command.set_defaults(run=_backfill, passes_on=True)

    command = commands.add_parser("schema", help="print the input topic's JSON Schema", add_help=False)
    command.set_defaults(run=_schema, passes_on=True)

    command = commands.add_parser("topics", help="create the topics; its own arguments may follow", add_help=False)
    command.set_defaults(run=_topics, passes_on=True)

    for name, run, about in (
        ("customer", _customer, "one customer: export, erase; its own arguments follow"),
        ("labels", _labels, "write the judged transactions as training data; its own arguments follow"),
        ("retention", _retention, "delete rows older than RETENTION_DAYS; its own arguments may follow"),
        ("transactions", _transactions, "Kafka transactions without an end; its own arguments may follow"),
        ("doctor", _doctor, "check the installation, and say how to fix what is wrong"),
    ):
        command = commands.add_parser(name, help=about, add_help=False)
        command.set_defaults(run=run, passes_on=True)

    command = commands.add_parser("run-infra", help="run Kafka and PostgreSQL alone, in the foreground")
    command.set_defaults(run=_run_infra)

    commands.add_parser("supervise").set_defaults(run=_supervise)  # what `up` starts
    return parser


if __name__ == "__main__":
    sys.exit(main())
