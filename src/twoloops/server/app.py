"""The application: its routes, what stands before each of them, and what it keeps open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
from twoloops.server.api import labelling, tasks
from twoloops.server.failing import HANDLERS
from twoloops.server.keeper import Keeper
from twoloops.server.pages import entrance
from twoloops.server.pages import labelling as label_pages

HERE = Path(__file__).parent
BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of one request's body."""

# Pages bring all they need along: nothing is fetched from elsewhere, nothing inline runs.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def application(folder: Path) -> Litestar:
    """Return the server of a workspace.

    Args:
        folder: The workspace; it must be there.

    Raises:
        UserError: There is no workspace.
    """
    keeper = Keeper(folder)

    @asynccontextmanager
    async def open_while_serving(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            keeper.close()

    static = create_static_files_router("/static", [HERE / "static"], opt=access.OPEN)
    return Litestar(
        [static, *entrance.ROUTES, *label_pages.ROUTES, *tasks.ROUTES, *labelling.ROUTES],
        state=State({"keeper": keeper}),
        lifespan=[open_while_serving],
        middleware=[DefineMiddleware(access.Authentication)],
        guards=[access.guard],
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_LIMIT,
        response_headers=HEADERS,
        template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
        openapi_config=OpenAPIConfig(
            title="twoloops",
            version=__version__,
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
            ),
            security=[{"token": []}],
            openapi_router=Router("/api/schema", route_handlers=[], opt=access.READ),
            render_plugins=[JsonRenderPlugin()],
        ),
    )
