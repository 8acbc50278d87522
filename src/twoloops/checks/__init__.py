"""Laws that the author of a source or sink can run against it.

Each law is a function without arguments whose name is its sentence; `check_source` and
`check_sink` return them all, for a loop or `pytest.mark.parametrize`. A law that is broken raises
`AssertionError` with what was seen.
"""

from twoloops.checks.sinks import check_sink
from twoloops.checks.sources import check_source

__all__ = ["check_sink", "check_source"]
