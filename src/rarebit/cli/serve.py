"""``rarebit serve``: the pages of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import accounts
from rarebit.app.home import Home
from rarebit.cli.options import HomeOption, home_at
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
) -> None:
    """Serve the pages of an installation; `rarebit run` beside it brings in events."""
    from rarebit.web.server import serve as serve_pages

    with home_at(home) as place:

        def ready(address: str) -> None:
            first = accounts.first_link(place)
            if first is not None:
                notes().print(safe(f"first, make an account (works once, for a day): {address}/link/{first}"))
            notes().print(safe(f"serving {place.path} at {address}; Ctrl-C stops it"))

        serve_pages(place, host=host, port=port, ready=ready, certificate=certificate, key=key, behind_tls=behind_tls)


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
