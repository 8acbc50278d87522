"""The process: HTTP API, pages, scheduler of turns."""
