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
"""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from oai.store.database import Database
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
    """
    publishing_since: int | None
    for claim in (True, False):
        publishing_since, claimed, last_serial = _STATE.rows(connection)[0]
        if publishing_since is not None:
            return Horizon(min(now, publishing_since), last_serial)
        if now <= claimed:
            return Horizon(now, last_serial)
        unchanged = (RepositoryRow.claimed < now) & (RepositoryRow.last_serial == last_serial)
        if claim and database.write_now(_CLAIM.values(claimed=now).where(unchanged)):
            return Horizon(now, last_serial)
    return Horizon(claimed, last_serial)


_STATE = Prepared(select(RepositoryRow.publishing_since, RepositoryRow.claimed, RepositoryRow.last_serial))
_CLAIM = update(RepositoryRow).where(RepositoryRow.publishing_since.is_(None))
