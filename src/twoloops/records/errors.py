"""Three kinds of failure: the user's situation, a passing fault, and (anything else) a bug."""


class UserError(Exception):
    """The user's situation: printed as one sentence, without a traceback.

    The message says what was got, what is allowed and what to do next.
    """


class NotKnownError(UserError):
    """There is nothing of the name that was asked for.

    Args:
        message: What was got, and what there is.
        name: The name, as it was given.
    """

    def __init__(self, message: str, name: str) -> None:
        self.name = name
        super().__init__(message)


class MissingExtraError(UserError):
    """A command needs packages that the bare install does not bring."""

    def __init__(self, purpose: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs packages that are not installed: run  pip install 'twoloops[{extra}]'"
        )


class TransientError(Exception):
    """A passing fault (a lock held, a disk briefly full): retried with back-off and counted."""
