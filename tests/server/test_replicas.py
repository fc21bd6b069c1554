"""``oai serve`` with replicas, as an operator runs it."""

from pathlib import Path

from tests.replication import Cluster
from tests.server.conftest import Commands, Server, wait_until


def test_serving_without_the_primary(tmp_path: Path, commands: Commands, cluster: Cluster) -> None:
    """Nodes go on, and even start, while the primary is down; a sync says so and changes nothing."""
    name = cluster.create(upgraded=False)
    server = Server(tmp_path, commands, count=1)
    replicas = " ".join(cluster.url(number, name) for number in cluster.standbys)
    server.set(database_url=cluster.url_of_all(name), replica_urls=replicas)
    server.write({"id": "a", "title": "A"})
    server.start()
    assert server.err == ""
    for number in cluster.standbys:
        cluster.catch_up(number)
    assert server.ask("ListIdentifiers", prefix="oai_dc").identifiers == ["a"]
    cluster.kill(cluster.primary)
    server.write({"id": "a", "title": "A"}, {"id": "b", "title": "B"})
    refused = server.run("sync")
    assert "nothing was changed: " in refused.error
    assert server.ask("ListIdentifiers", prefix="oai_dc").identifiers == ["a"]
    server.restart()
    assert "serving what the replicas have" in server.err
    assert server.fetch("GET", "/readyz").status == 200
    assert server.ask("ListIdentifiers", prefix="oai_dc").identifiers == ["a"]
    cluster.start(cluster.primary)
    assert server.sync({"id": "a", "title": "A"}, {"id": "b", "title": "B"}).startswith("1 added")
    wait_until(lambda: server.ask("ListIdentifiers", prefix="oai_dc").identifiers == ["a", "b"])
    server.stop()
