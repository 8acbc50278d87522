"""Tokens of the server's users: kept as hashes, found by the token, revoked by their id.

A token has 256 random bits, so one round of SHA-256 hides it as well as a slow hash would.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from twoloops.records.errors import UserError
from twoloops.records.token import Scope, Token
from twoloops.store.database import Database, stamp
from twoloops.store.schema import tokens

PREFIX = "2l"


class Tokens:
    """The tokens of a workspace.

    Law: what `add` returned is found by `find` until it is revoked, and by nobody else.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, name: str, scope: Scope, at: datetime, expires_at: datetime | None = None
    ) -> tuple[Token, str]:
        """Make a token; returns its record and the token itself, which is not kept.

        Raises:
            UserError: The name is empty or holds control characters.
        """
        if not name.strip() or not name.isprintable() or len(name) > 100:
            raise UserError(
                f"a token is made for a name of 1 to 100 printable characters: {name!r}"
            )
        id = secrets.token_hex(4)
        secret = f"{PREFIX}_{id}_{secrets.token_urlsafe(32)}"
        token = Token(id, name.strip(), scope, at, expires_at)
        self._database.insert(
            tokens,
            [
                {
                    "id": id,
                    "name": token.name,
                    "scope": scope,
                    "hash": _hash(secret),
                    "created_at": stamp(at),
                    "expires_at": None if expires_at is None else stamp(expires_at),
                }
            ],
        )
        return token, secret

    def find(self, secret: str) -> Token | None:
        """Return the record of a token, valid or not; `None` where nobody has it."""
        # The hash is looked up, so what time the look-up takes tells nothing of the token.
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.hash == _hash(secret))).first()
        return None if row is None else _token(row)

    def all(self) -> list[Token]:
        """Return every token's record, the earliest first."""
        query = select(tokens).order_by(tokens.c.created_at, tokens.c.id)
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(query)]

    def revoke(self, id: str, at: datetime) -> Token:
        """Refuse a token from now on.

        Raises:
            UserError: There is none of that id.
        """
        with self._database.transaction() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == id)).first()
            if row is None:
                known = [one.id for one in self.all() if one.revoked_at is None]
                raise UserError(f"no token {id!r}: there are {known}, see  twoloops token list")
            connection.execute(
                update(tokens)
                .where(tokens.c.id == id, tokens.c.revoked_at.is_(None))
                .values(revoked_at=stamp(at))
            )
        return next(one for one in self.all() if one.id == id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    return Token(
        row.id,
        row.name,
        row.scope,
        datetime.fromisoformat(row.created_at),
        None if row.expires_at is None else datetime.fromisoformat(row.expires_at),
        None if row.revoked_at is None else datetime.fromisoformat(row.revoked_at),
    )
