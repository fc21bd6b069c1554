"""The curves of the growth part as a picture.

``python -m tests.benchmarks.plot results.json docs/performance.svg`` draws that of docs/performance.md.
"""

import json
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
from matplotlib.figure import Figure


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def main(results: Path, picture: Path) -> None:
    """Draw what a record costs in stores of several sizes, from the JSON file RESULTS, into PICTURE."""
    try:
        sizes = json.loads(results.read_text(encoding="utf-8"))["parts"]["growth"]["measured"]["sizes"]
    except KeyError:
        raise click.ClickException(f"{results} has no growth part") from None
    draw(sizes, picture)


def draw(sizes: list[dict[str, Any]], picture: Path) -> None:
    """Draw cost against size, and in the largest store latency against the place in the list."""
    # The text stays text, and the same figures give the same bytes.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "oai", "font.size": 9})
    figure = Figure(figsize=(10, 4), layout="constrained")
    by_size, by_place = figure.subplots(1, 2)
    for number, curve in enumerate(sizes[-1]["curves"]):
        points = [(size["records"], size["curves"][number]["cpu_us"]) for size in sizes]
        look = {"color": f"C{number}", "marker": "o", "label": curve["name"]}
        by_size.plot(*zip(*points, strict=True), **look)
        if len(curve["places_ms"]) > 1:
            last = len(curve["places_ms"]) - 1
            places = [100 * place / last for place in range(last + 1)]
            by_place.plot(places, curve["places_ms"], **look)
    by_size.set(xscale="log", xlabel="records in the store", ylabel="server CPU, µs a record")
    largest = f"{sizes[-1]['records']:,}"
    by_place.set(xlabel=f"place in the list, %, of {largest} records", ylabel="latency of a page, ms")
    for axes in (by_size, by_place):
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    by_size.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
