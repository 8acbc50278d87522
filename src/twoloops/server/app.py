"""The application: its routes, what stands before each of them, and what it keeps open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from twoloops import __version__
from twoloops.server import access
from twoloops.server.api import (
    edges,
    health,
    journal,
    labelling,
    observations,
    releases,
    tasks,
    tokens,
    trust,
    turns,
)
from twoloops.server.described import described
from twoloops.server.failing import HANDLERS
from twoloops.server.front import Front
from twoloops.server.keeper import Keeper
from twoloops.server.pages import drift, entrance, floor, overview, quarantine, rollouts, why
from twoloops.server.pages import labelling as label_pages
from twoloops.server.scheduler import Schedule, Scheduler

HERE = Path(__file__).parent
BODY_LIMIT = 64 * 1024
"""Bytes of one request's body; routes that take inputs say theirs."""

ROUTES = [
    *entrance.ROUTES,
    *overview.ROUTES,
    *why.ROUTES,
    *floor.ROUTES,
    *rollouts.ROUTES,
    *drift.ROUTES,
    *quarantine.ROUTES,
    *label_pages.ROUTES,
    *health.ROUTES,
    *tasks.ROUTES,
    *turns.ROUTES,
    *labelling.ROUTES,
    *observations.ROUTES,
    *releases.ROUTES,
    *edges.ROUTES,
    *journal.ROUTES,
    *tokens.ROUTES,
    *trust.ROUTES,
]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is run.

    Args:
        hosts: Names it may be asked for by, beside addresses; `None` allows any.
        rate: Requests a second of one token; 0 limits nothing.
        schedule: When turns are gone on with and opened; `None` leaves them to the command line
            and to whoever asks.
    """

    hosts: frozenset[str] | None = None
    rate: float = access.REQUESTS
    schedule: Schedule | None = None


def application(folder: Path, options: Options | None = None) -> Litestar:
    """Return the server of a workspace.

    Args:
        folder: The workspace; it must be there.
        options: How it is run; left out, for use inside a process, as in tests.

    Raises:
        UserError: There is no workspace.
    """
    options = options or Options()
    scheduler = Scheduler(folder, options.schedule)
    keeper = Keeper(folder, on_write=scheduler.poke)

    @asynccontextmanager
    async def open_while_serving(_: Litestar) -> AsyncIterator[None]:
        if options.schedule is not None:
            scheduler.start()
        try:
            yield
        finally:
            scheduler.close()
            keeper.close()

    static = create_static_files_router("/static", [HERE / "static"], opt=access.OPEN)
    app = Litestar(
        [static, *map(described, ROUTES)],
        state=State(
            {
                "keeper": keeper,
                "scheduler": scheduler,
                "limits": access.Limits.of(options.rate),
                "deciders": observations.Deciders(),
            }
        ),
        lifespan=[open_while_serving],
        middleware=[DefineMiddleware(access.Authentication, exclude_http_methods=[])],
        guards=[access.guard],
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_LIMIT,
        template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
        openapi_config=OpenAPIConfig(
            title="twoloops",
            version=__version__,
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
            ),
            security=[{"token": []}],
            openapi_router=Router(
                "/api/schema", route_handlers=[], opt=access.READ, include_in_schema=False
            ),
            render_plugins=[JsonRenderPlugin()],
        ),
    )
    # Middleware stands behind the routing: what is unknown or refused there must be guarded too.
    app.asgi_handler = Front(app.asgi_handler, options.hosts)
    return app
