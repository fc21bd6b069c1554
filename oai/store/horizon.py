"""How late a response may say that it is.

A harvester that asks next time ``from`` a responseDate takes it that all changes before that
moment were there to be seen. So no change may later appear with an older datestamp, whatever
clocks do: jump, stand, or differ between machines. Two numbers in the database see to that.

* While a change is being written, ``publishing_since`` is not later than its datestamp, and no
  responseDate is later than ``publishing_since`` (:mod:`oai.store.publishing`).
* Otherwise a responseDate is claimed before it is given out: ``claimed`` is the latest one of all.
  A writer's datestamp is never earlier than that. The claim is refused once somebody publishes, and
  where somebody has published since the state was read.

So a clock that is a day ahead and is put right again costs nothing but datestamps that lie ahead
for that day. Claiming is one small write for each second in which anybody asks; where it cannot
be made, the response says that it is as late as the last claim, which is always true.

That claims and publications cannot miss each other is a matter of one row, which both change:

* A claim that comes first is committed before the writer's first transaction can change the row. The
  writer reads ``claimed`` for its datestamp in its second one, so it sees that claim.
* A claim that comes second finds ``publishing_since`` set, or another ``last_serial``, and changes
  nothing. In PostgreSQL it may have begun before that was committed: then, at READ COMMITTED, it
  waits for the row and tests its conditions again on the row as the other has left it. Were the
  isolation level higher, it would fail instead, which comes to the same.
* Neither writes back what it has read: a claim sets ``claimed`` alone and only upwards, a writer
  does not set it, but upwards too where it gives up what it held back.

A replica shows the row as it was on the primary at some moment, and all else as of that moment or
later ones, for it replays what was committed, in that order. However far it is behind:

* Where its row has ``publishing_since``, or ``claimed`` is not earlier than the request, this is as
  true as it was on the primary then. What the replica does not show was published later, by writers
  that found at least that in the row.
* Else the claim is made on the primary, if nothing is being published there and ``last_serial`` is
  still the replica's. Then nothing was published that the replica does not show, and whoever
  publishes from now on finds the claim. The same holds where such a row of the primary already has a
  claim that is late enough, though the replica has not replayed it, and of what this process has
  claimed before for the same ``last_serial`` (:mod:`oai.store.claims`).
* Where the primary has gone on or cannot be asked, the response is as late as the last claim that
  the replica has replayed. That needs no primary, and no clock but the one the claim was made with.

What a server that became the primary had not received of the old one is lost, claims too: see
docs/operations.md.
"""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from oai.store.database import CLAIM_WAIT, Database
from oai.store.prepared import Prepared
from oai.store.schema import RepositoryRow


class Horizon(NamedTuple):
    """How far what is read is sure to reach.

    ``complete_until`` is the latest responseDate that may be given for it; ``last_serial`` is the
    serial of the last change that is in it.
    """

    complete_until: int
    last_serial: int


def horizon(database: Database, connection: Connection, now: int) -> Horizon:
    """Return the horizon of a request of *now*; it holds for all that is read afterwards.

    *connection* has to be asked for this before it is asked for anything else; it may be a snapshot.
    It is one of *database*, or of a replica of it.
    """
    claims = database.claims
    publishing_since: int | None
    for claim in (True, False):
        publishing_since, claimed, last_serial = _STATE.rows(connection)[0]
        if publishing_since is not None:
            return Horizon(min(now, publishing_since), last_serial)
        if now <= claimed or (claims and claims.hold(now, last_serial)):
            return Horizon(now, last_serial)
        if claim and claims and not claims.may_try(last_serial):
            break
        if claim and _claim(database, now, last_serial):
            return Horizon(now, last_serial)
    return Horizon(claimed, last_serial)


def _claim(database: Database, now: int, last_serial: int) -> bool:
    """Claim *now* for the state with *last_serial*, and say whether it is claimed."""
    unchanged = (RepositoryRow.claimed < now) & (RepositoryRow.last_serial == last_serial)
    claim = _CLAIM.values(claimed=now).where(unchanged)
    claims = database.claims
    if claims is None:
        return database.write_now(claim)
    if not claims.one_at_a_time.acquire(timeout=CLAIM_WAIT):
        return False
    try:
        if claims.hold(now, last_serial):
            return True
        # Each node claims each second, and what one of them has claimed does for all.
        claimed = database.read_now(_CLAIMED.where(RepositoryRow.last_serial == last_serial))
        if claimed is not None and (claimed >= now or database.write_now(claim)):
            claims.keep(max(now, claimed), last_serial)
            return True
        claims.refuse(last_serial)
        return False
    finally:
        claims.one_at_a_time.release()


_STATE = Prepared(select(RepositoryRow.publishing_since, RepositoryRow.claimed, RepositoryRow.last_serial))
_CLAIM = update(RepositoryRow).where(RepositoryRow.publishing_since.is_(None))
_CLAIMED = select(RepositoryRow.claimed).where(RepositoryRow.publishing_since.is_(None))
