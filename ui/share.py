"""Requests a public link from Gradio's service; the page is served whether or not it succeeds."""

import threading
from urllib.parse import urlparse, urlunparse

import gradio as gr
from gradio import networking, tunneling

from services.common.logs import get_logger

PATIENCE_SECONDS = 45.0


def open_link_in_background(page: gr.Blocks, patience_seconds: float = PATIENCE_SECONDS) -> threading.Thread:
    """Request the link in the background and log `share_link_opened` with its address, or why there is none.

    launch(share=True) would do so too, but blocks for as long as the tunnel's client stays silent.
    """
    asking = threading.Thread(target=_open_link, args=(page, patience_seconds), name="share", daemon=True)
    asking.start()
    return asking


def close_link() -> None:
    """Terminate the tunnel's client, if one runs."""
    for tunnel in tunneling.CURRENT_TUNNELS:
        if tunnel.proc is not None:
            tunnel.proc.terminate()


def _open_link(page: gr.Blocks, patience_seconds: float) -> None:
    """Wait for the link; a client that does not answer in time is terminated."""
    log = get_logger()
    too_late = threading.Timer(patience_seconds, close_link)
    too_late.daemon = True
    too_late.start()
    try:
        address = networking.setup_tunnel(
            local_host=page.server_name,
            local_port=page.server_port,
            share_token=page.share_token,
            share_server_address=None,
            share_server_tls_certificate=None,
        )
    except Exception as error:  # a third party's service, binary and network: any failure only costs the link
        log.warning("share_link_failed", error=type(error).__name__, page="stays up without a link")
        return
    finally:
        too_late.cancel()
    scheme = "https" if networking.GRADIO_SHARE_SERVER_ADDRESS is None else "http"
    page.share_url = urlunparse((scheme, *urlparse(address)[1:]))  # type: ignore[assignment]  # declared as None
    log.info("share_link_opened", url=page.share_url)
