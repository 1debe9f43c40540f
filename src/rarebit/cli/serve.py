"""``rarebit serve``: the pages and the API of an installation, and its live running."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import accounts
from rarebit.app.home import Home
from rarebit.app.live import Live, LiveSettings
from rarebit.app.run import DEFAULT_BUDGET, RunOptions
from rarebit.cli.options import HomeOption, home_at, moment
from rarebit.cli.output import notes, safe
from rarebit.core.errors import InputError

HOST, PORT = "127.0.0.1", 8321
DEMO_PERSON = "demo"


def serve(
    home: HomeOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="PEM file; with --key, serve TLS.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="PEM file of the certificate's key.")] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy in front does TLS: cookies are sent by TLS only.")
    ] = False,
    watch: Annotated[
        list[Path] | None, typer.Option("--watch", help="Directory whose files are read as they come. Repeat it.")
    ] = None,
    every: Annotated[float, typer.Option("--every", min=0.5, max=3600, help="Seconds between runs.")] = 10.0,
    learn_until: Annotated[
        str | None, typer.Option("--learn-until", help="Learn, and tell nothing, until then.")
    ] = None,
    budget: Annotated[float, typer.Option("--budget", min=0.1, help="Cases a day.")] = DEFAULT_BUDGET,
    spool_mb: Annotated[
        int, typer.Option("--spool-mb", min=1, max=100_000, help="Events waiting; beyond it senders are told to wait.")
    ] = 256,
    elastic_product: Annotated[
        bool, typer.Option("--elastic-product", help="Send the header by which clients know Elasticsearch.")
    ] = False,
) -> None:
    """Serve pages and API, and run everything over events as they come."""
    from rarebit.web.server import serve as serve_pages

    settings = LiveSettings(
        watch=tuple(watch or ()),
        every_seconds=every,
        spool_bytes=spool_mb << 20,
        options=RunOptions(live=True, learn_until_us=moment(learn_until), budget=budget),
    )
    with home_at(home) as place:
        live = Live(place.path, settings)

        def ready(address: str) -> None:
            first = accounts.first_link(place)
            if first is not None:
                notes().print(safe(f"first, make an account (works once, for a day): {address}/link/{first}"))
            notes().print(safe(f"serving {place.path} at {address}; Ctrl-C stops it"))

        serve_pages(
            place,
            host=host,
            port=port,
            ready=ready,
            certificate=certificate,
            key=key,
            behind_tls=behind_tls,
            live=live,
            product=elastic_product,
        )


def serve_demo(home: Home) -> None:
    """Serve a demonstration on this machine, with a link that logs in once."""
    from rarebit.web.server import serve as serve_pages

    def ready(address: str) -> None:
        token = accounts.login_link(home, DEMO_PERSON, "admin")
        notes().print(safe(f"look at the pages (the link works once): {address}/link/{token}"))
        notes().print(safe("Ctrl-C ends the demonstration"))

    try:
        serve_pages(home, host=HOST, port=PORT, ready=ready)
    except InputError:  # somebody listens there already; a demonstration takes any other port
        serve_pages(home, host=HOST, port=0, ready=ready)
