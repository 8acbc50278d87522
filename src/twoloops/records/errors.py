"""Three kinds of failure: the user's situation, a passing fault, and (anything else) a bug."""


class UserError(Exception):
    """The user's situation: printed as one sentence, without a traceback.

    The message says what was got, what is allowed and what to do next.
    """


class MissingExtraError(UserError):
    """A command needs packages that the bare install does not bring."""

    def __init__(self, purpose: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs packages that are not installed: run  pip install 'twoloops[{extra}]'"
        )


class TransientError(Exception):
    """A passing fault (a lock held, a disk briefly full): retried with back-off and counted."""
