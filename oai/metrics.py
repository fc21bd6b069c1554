"""What ``/metrics`` tells Prometheus: the state of the store, which every worker sees alike.

Which servers are in is what the worker that is asked has seen; others see it a second before or after.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from oai.protocol import datestamp
from oai.status import Status
from oai.store.servers import Servers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(state: Status, servers: Servers | None = None) -> bytes:
    """Return the state of the store, and of its servers if there are several, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_StoreCollector(state))
    if servers and servers.replicas:
        registry.register(_ServersCollector(servers))
    return generate_latest(registry)


class _StoreCollector(Collector):
    def __init__(self, found: Status) -> None:
        self._status = found

    def collect(self) -> Iterator[Metric]:
        found = self._status
        records = GaugeMetricFamily("oai_records", "Records, deleted or not.", labels=["format", "status"])
        for prefix, count in found.per_format.items():
            records.add_metric([prefix, "live"], count.records - count.deleted)
            records.add_metric([prefix, "deleted"], count.deleted)
        yield records
        yield GaugeMetricFamily("oai_sets", "Sets, empty ones included.", value=found.sets)
        yield GaugeMetricFamily(
            "oai_rejected", "Items and files that could not be taken.", value=len(found.rejected)
        )
        yield GaugeMetricFamily(
            "oai_pending_migrations",
            "Migrations that the database lacks.",
            value=len(found.pending_migrations),
        )
        yield GaugeMetricFamily(
            "oai_publishing",
            "Whether a change is being written, or was cut off.",
            value=bool(found.publishing_since),
        )
        yield GaugeMetricFamily(
            "oai_clock_behind_seconds",
            "By how much the clock is behind what was given out.",
            value=found.clock_behind,
        )
        if found.newest_datestamp:
            yield GaugeMetricFamily(
                "oai_newest_datestamp_seconds",
                "The newest datestamp.",
                value=_seconds(found.newest_datestamp),
            )
        synced = GaugeMetricFamily(
            "oai_source_synced_timestamp_seconds", "When a source was last read.", labels=["source"]
        )
        for name, when in found.sources.items():
            synced.add_metric([name], _seconds(when))
        yield synced


class _ServersCollector(Collector):
    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        labels = ["replica", "address"]
        is_in = GaugeMetricFamily("oai_replica_in", "Whether a replica answers requests.", labels=labels)
        lag = GaugeMetricFamily(
            "oai_replica_lag_seconds", "By how much a replica is behind the primary.", labels=labels
        )
        for number, replica in enumerate(self._servers.replicas, 1):
            is_in.add_metric([str(number), replica.address], replica.is_in)
            if replica.lag is not None:
                lag.add_metric([str(number), replica.address], replica.lag)
        yield is_in
        yield lag
        yield GaugeMetricFamily(
            "oai_primary_in", "Whether the primary can be asked.", value=self._servers.primary_is_in
        )


def _seconds(text: str) -> int:
    return datestamp.read(text)[0]
