"""`python -m ui`: builds the page from its parts and serves it until SIGTERM or SIGINT."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.routing import BaseRoute

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.folders import own_folder
from services.common.logs import configure_logs, get_logger, relay
from services.common.manifest import current_curve, current_manifest
from services.common.probes import serve_probes
from services.common.process import StopSignal
from services.common.settings import GroupNames, KafkaSettings, ProcessSettings, TopicSettings
from ui import metrics, page
from ui.check import tab as check_tab
from ui.check.downloads import ExampleFiles
from ui.check.jobs import Jobs
from ui.check.upload import Uploads, remove_leftovers
from ui.database import Database
from ui.examples import example, flagged_example
from ui.files import tab as files_tab
from ui.files.download import scores_route
from ui.files.journal import watch_uploads
from ui.health import KafkaProbe, answers, health_route
from ui.live import tab as live_tab
from ui.live.drift import current_drift
from ui.live.reading import watch_all
from ui.login import texts as login_texts
from ui.login.access import Access, Sessions
from ui.middleware import app_options
from ui.page import Tab
from ui.payment import tab as payment_tab
from ui.payment.payment import send_one
from ui.review import tab as review_tab
from ui.review.sample import watch_sample
from ui.settings import ShareSettings, UiSettings, check_exposure
from ui.share import close_link, open_link_in_background
from ui.shell.theme import FAVICON, STYLESHEETS, scripts, theme
from ui.threshold import tab as threshold_tab
from ui.threshold.models import ScoringModel, current_model, watch_model
from ui.watch import Watch

DRIFT_SECONDS = 60.0
"""Interval between two measurements of the drift."""

DRIFT_REST_SECONDS = 300.0
"""The same while nobody looks: the alert on drift waits half an hour."""

QUEUE_POLLS = {"sleep_when_free": 0.05, "progress_update_sleep_when_free": 0.1}
"""Seconds between two looks of Gradio at its queue, for events of visitors and for their progress: its own on Windows.
An event waits for half of that on average.
"""

LOOPBACK = "localhost,127.0.0.1"


def main() -> None:
    """Read the settings and serve the page; exit with 0 when asked to stop.

    Raises:
        SystemExit: wrong settings, one line each, or the page cannot be served as it is set up.
    """
    configure_logs("ui")
    configure_libraries()
    try:
        settings, share = UiSettings.read(), ShareSettings.read()
        check_exposure(share, settings)
        serve(settings, share, KafkaSettings.read(), TopicSettings.read(), ProcessSettings.read().probe_host)
    except Stop as error:
        sys.exit(f"ui: {error}")


def serve(
    settings: UiSettings, share: ShareSettings, kafka: KafkaSettings, topics: TopicSettings, probe_host: str
) -> None:
    """Serve the page until SIGTERM or SIGINT."""
    log, stop, probe = get_logger(), StopSignal.install(), KafkaProbe(kafka)
    contract = read_contract(settings.manifest.parent)
    started, upload_folder = time.time(), _own_folder(settings.port)
    mart = Database()
    access = Access(settings.users())
    in_use = watch_model(mart)
    live = watch_all(mart, kafka, topics, GroupNames.read())
    uploads = watch_uploads(mart)
    measure_drift = partial(current_drift, mart, settings.manifest, contract)
    drift = Watch(measure_drift, DRIFT_SECONDS, "watch-drift", rest_seconds=DRIFT_REST_SECONDS)
    files = ExampleFiles(contract, settings.manifest)
    jobs = Jobs(Uploads(mart, kafka, topics.transactions, probe.check, stop, contract).send)
    watches: list[Watch[Any]] = [live.mart, live.lag, in_use, uploads, drift]
    if blind := settings.blind_sample_per_day > 0:
        watches.append(watch_sample(mart, settings.blind_sample_per_day))
    mart.open()
    for watch in watches:
        watch.start()

    def model() -> ScoringModel | None:
        return in_use.look().value or current_model(settings.manifest)

    curve, manifest = partial(current_curve, settings.curve), partial(current_manifest, settings.manifest)
    pay = partial(send_one, kafka=kafka, topic=topics.transactions, check_kafka=probe.check)
    examples = payment_tab.Examples(example(contract, settings.manifest), flagged_example(contract, settings.manifest))
    tabs = (
        Tab("check", check_tab.TITLES, partial(
            check_tab.build, mart=mart, model=model, jobs=jobs, uploads=uploads, access=access, stop=stop,
            max_file_mb=settings.max_file_mb, has_sample=files.has_sample,
        )),
        Tab("live", live_tab.TITLES, partial(live_tab.build, live=live, drift=drift, model=model, access=access)),
        Tab("uploads", files_tab.TITLES, partial(files_tab.build, jobs=jobs, uploads=uploads, access=access)),
        Tab(review_tab.TAB, review_tab.TITLES, partial(
            review_tab.build, mart=mart, access=access, contract=contract, blind=blind
        )),
        Tab(threshold_tab.TAB, threshold_tab.TITLES, partial(
            threshold_tab.build, mart=mart, model=model, curve=curve, manifest=manifest
        )),
        Tab(payment_tab.TAB, payment_tab.TITLES, partial(
            payment_tab.build, mart=mart, access=access, pay=pay, contract=contract, examples=examples, stop=stop
        )),
    )  # fmt: skip
    blocks = page.build(tabs, access, contract)
    launch(blocks, settings, access, [health_route(mart, probe), *files.routes(), scores_route(mart, contract)])
    if upload_folder:
        remove_leftovers(upload_folder, before=started)  # safe: the port is bound, so no other page uses this folder
    answering = partial(answers, settings.host, settings.port)
    serve_probes(probe_host, settings.probe_port, live=answering, ready=answering)
    metrics.watch(live, drift)
    log.info("page_ready", url=blocks.local_url, login=access.is_required)
    if current_model(settings.manifest) is None:
        log.warning("manifest_unreadable", path=str(settings.manifest))
    if share.share:
        open_link_in_background(blocks)
    while not stop.wait(3600):
        pass
    close_link()
    jobs.close()
    close(blocks)
    for watch in watches:
        watch.stop()
    mart.close()
    log.info("page_closed")


def launch(blocks: gr.Blocks, settings: UiSettings, access: Access, routes: Sequence[BaseRoute]) -> None:
    """Start to serve; returns when the page answers.

    Raises:
        Stop: the port is in use.
    """
    poll_queue_rarely(blocks)
    os.environ["FORWARDED_ALLOW_IPS"] = settings.trusted_proxies  # read by uvicorn, which Gradio configures itself
    try:
        blocks.launch(
            server_name=settings.host,
            server_port=settings.port,
            auth=access.log_in if access.is_required else None,  # type: ignore[arg-type]  # an async one is awaited
            auth_message=login_texts.MESSAGE,
            share=False,  # requested in the background: see ui/share.py
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            footer_links=[],
            run_history=False,
            max_file_size=f"{settings.max_file_mb}mb",
            theme=theme(),
            css_paths=STYLESHEETS,
            favicon_path=FAVICON,
            head=scripts(),
            root_path=settings.root_path,
            app_kwargs=app_options(settings.root_path, routes),
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
        )
        # Gradio (6.31) has no setting for the lifetime of a login, and auth_dependency of mount_gradio_app() would
        # need a login page, a cookie and a logout of our own. So its dict of tokens is replaced; test_a_login_ends in
        # tests/e2e/test_review.py fails if Gradio looks elsewhere.
        blocks.app.tokens = Sessions(settings.session_hours * 3600)
    except OSError as error:
        raise Stop(f"cannot serve on {settings.host}:{settings.port}: {error}") from error


def poll_queue_rarely(blocks: gr.Blocks) -> None:
    """Let Gradio look at its queue as often as QUEUE_POLLS says."""
    # Gradio (6.31) looks every 1 and every 10 ms, which is 2 % of a core without a visitor, and has no setting for it.
    for name, seconds in QUEUE_POLLS.items():
        setattr(blocks._queue, name, seconds)


def close(blocks: gr.Blocks) -> None:
    """Stop serving: answers in progress get a second; open pages, which hold a connection each, are not waited for."""
    if blocks.server is not None:
        blocks.server.config.timeout_graceful_shutdown = 1
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    blocks.close(verbose=False)


def _own_folder(port: int) -> Path | None:
    """Make Gradio store uploads in a folder of our own and return it; None if GRADIO_TEMP_DIR names another one."""
    if os.environ.get("GRADIO_TEMP_DIR"):
        return None
    folder = own_folder(f"fraud-ui-{port}")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def configure_libraries() -> None:
    """Turn analytics off, exclude loopback from proxies, and log the pool's errors at most once a minute."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    relay("psycopg.pool", every_seconds=60)


if __name__ == "__main__":
    main()
