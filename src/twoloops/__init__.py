"""twoloops runs the digital and the physical loop, and measures what each adds."""

__version__ = "0.1.0"
