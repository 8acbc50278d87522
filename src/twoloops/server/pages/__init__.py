"""The pages: rendered here, readable offline, a file a page."""
