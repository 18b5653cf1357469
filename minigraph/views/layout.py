"""Layout: where the boxes and lines of a layered drawing of a graph go.

Sugiyama's steps, each a short function below: rows by generation; stops in the rows that a long line
crosses, so that it passes beside the boxes; an order within each row with few crossings; positions as near
to the neighbours as the distances allow; straight runs; lines from box to box. All lengths are typographic
points, x grows to the right and y downwards, as the drawing is read.

Source of the method: Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system
structures", 1981. The positions within a row are an isotonic regression (pool adjacent violators).
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from minigraph.graph.graph import Graph

Point = tuple[float, float]
Stop = tuple[str, int]
"""A place in a row: (name, row). In the name's own row its box, in a later row the line that leaves it."""

STEM = 9.0  # how far every line runs straight up or down before it bends
ROW_GAP = 46.0  # the least distance of two rows
BOX_GAP, LINE_GAP = (
    30.0,
    20.0,
)  # the least distances of two boxes in a row, and of a line from what stands beside it
PORT_GAP = 16.0  # the distance of two lines that enter one box


@dataclass(frozen=True)
class Edge:
    """A line from ``source`` to input number ``index`` of ``target``.

    Its ``points`` come in pairs (0 and 1, 2 and 3, ...), each pair straight up and down; from the end of one
    pair to the start of the next it bends, in the free space between two rows.
    """

    source: str
    target: str
    index: int
    points: list[Point]


@dataclass(frozen=True)
class Layout:
    """A drawing's measures in points; the corner at the top left is (0, 0).

    Attributes:
        positions: the centre (x, y) of each input's and node's box, by name.
        sizes: (width, height) of each box.
        edges: one for each input of each node, in the order of the nodes.
        width, height: the extent of everything.
    """

    positions: dict[str, Point]
    sizes: dict[str, Point]
    edges: list[Edge]
    width: float
    height: float


@dataclass(frozen=True)
class _Rows:
    """The stops of each row from left to right and, for each stop, those that it is joined to.

    ``leads`` has, of these, the ones that a box lines up with: all but
    shortcuts past other nodes and what leads from a needed node to one that is not.
    """

    rows: list[list[Stop]]
    boxes: dict[str, int]  # the row of each box
    above: dict[Stop, list[Stop]]
    below: dict[Stop, list[Stop]]
    leads: set[tuple[Stop, Stop]]
    needed: set[str]  # the names that some output depends on

    def is_box(self, stop: Stop) -> bool:
        return self.boxes[stop[0]] == stop[1]


def layout(graph: Graph, sizes: Mapping[str, Point] | None = None) -> Layout:
    """A layered drawing of ``graph``, from top to bottom; the same graph and sizes give the same drawing.

    Args:
        sizes: (width, height) of each input's and node's box in points; room for the name when left out.

    Raises:
        DefinitionError: the graph is not sound.
    """
    measured = {name: sizes[name] if sizes else (24 + 7.0 * len(name), 40.0) for name in [*graph.inputs, *graph.nodes]}
    structure = _rows(graph)
    _order(structure)
    x = _across(structure, measured)
    return _lines(graph, structure, measured, x)


def _rows(graph: Graph) -> _Rows:
    """Boxes in the rows of their generation, and a stop of a long line in every row that it crosses."""
    import networkx as nx

    boxes = {name: row for row, names in enumerate(graph.layers) for name in names}
    rows: list[list[Stop]] = [[(name, row) for name in names] for row, names in enumerate(graph.layers)]
    above, below = defaultdict[Stop, list[Stop]](list), defaultdict[Stop, list[Stop]](list)
    leads: set[tuple[Stop, Stop]] = set()
    needed = graph.needed()
    essential = {
        (source, target)
        for source, target in nx.transitive_reduction(graph.to_networkx()).edges
        if target in needed or source not in needed
    }
    for target in graph.order:
        for source in dict.fromkeys(graph.nodes[target].inputs):
            # Lines that leave one box carry the same array, so they run as one until they part.
            way = _way(source, target, boxes)
            for start, end in pairwise(way):
                if end not in below[start]:
                    if end != way[-1]:
                        rows[end[1]].append(end)
                    below[start].append(end)
                    above[end].append(start)
                if (source, target) in essential:
                    leads.add((start, end))
    return _Rows(rows, boxes, above, below, leads, needed)


def _way(source: str, target: str, boxes: Mapping[str, int]) -> list[Stop]:
    """The stops of a line, one in each row from the source's to the target's."""
    return [*((source, row) for row in range(boxes[source], boxes[target])), (target, boxes[target])]


# -- the order within each row ---------------------------------------------------------------------


def _order(structure: _Rows, sweeps: int = 16) -> None:
    """Order the stops of each row for few crossings: by barycentres, then exchanging neighbours."""
    rows, above, below = structure.rows, structure.above, structure.below
    best, fewest = [list(row) for row in rows], _crossings(structure)
    for sweep in range(sweeps):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for row in rows if downwards else reversed(rows):
            other = row[0][1] + (-1 if downwards else 1)
            if not 0 <= other < len(rows):
                continue
            place = {stop: (i + 0.5) / len(rows[other]) for i, stop in enumerate(rows[other])}
            mine = {stop: (i + 0.5) / len(row) for i, stop in enumerate(row)}
            centre = {stop: _mean([place[n] for n in neighbours[stop]], mine[stop]) for stop in row}
            row.sort(key=centre.__getitem__)
        _exchange(structure)
        count = _crossings(structure)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    rows[:] = best


def _crossings(structure: _Rows) -> int:
    count = 0
    for upper, lower in pairwise(structure.rows):
        place = {stop: i for i, stop in enumerate(lower)}
        passed: list[int] = []
        for stop in upper:
            ends = sorted(place[end] for end in structure.below[stop])
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def _exchange(structure: _Rows, rounds: int = 4) -> None:
    """Exchange neighbours in a row wherever their lines then cross less often."""
    place = {stop: i for row in structure.rows for i, stop in enumerate(row)}
    for _ in range(rounds):
        changed = False
        for row in structure.rows:
            for i, right in enumerate(row[1:]):
                left, gain = row[i], 0
                for joined in (structure.above, structure.below):
                    for a in joined[left]:
                        for b in joined[right]:
                            gain += (place[a] > place[b]) - (place[a] < place[b])
                if gain > 0:
                    row[i], row[i + 1] = right, left
                    place[left], place[right] = i + 1, i
                    changed = True
        if not changed:
            return


# -- positions across ------------------------------------------------------------------------------


def _across(structure: _Rows, sizes: Mapping[str, Point], sweeps: int = 24) -> dict[Stop, float]:
    """The x of every stop: near its neighbours, in the row's order, no nearer to each other than allowed."""
    leads = structure.leads
    rows = [(row, _offsets(row, structure, sizes)) for row in structure.rows]
    x = {stop: offset - offsets[-1] / 2 for row, offsets in rows for stop, offset in zip(row, offsets, strict=True)}
    upper = {s: [n for n in structure.above[s] if (n, s) in leads] or structure.above[s] for s in x}
    lower = {s: [n for n in structure.below[s] if (s, n) in leads] or structure.below[s] for s in x}
    # Boxes and the lines that lead somewhere stand; shortcuts, and what no output needs, make way.
    weights = dict.fromkeys(x, 1e-4)
    for stop in x:
        if stop[0] in structure.needed and (structure.is_box(stop) or (stop, lower[stop][0]) in leads):
            weights[stop] = 1.0 if structure.is_box(stop) else 0.5
    for sweep in range(sweeps):
        led = lower if sweep % 2 else upper
        for row, offsets in reversed(rows) if sweep % 2 else rows:
            wished = [
                _mean([x[n] for n in led[stop]], x[stop]) - offset for stop, offset in zip(row, offsets, strict=True)
            ]
            fitted = isotonic(wished, [weights[stop] for stop in row])
            x.update((stop, f + offset) for stop, f, offset in zip(row, fitted, offsets, strict=True))
    _straighten(structure, x, rows)
    return x


def _offsets(row: Sequence[Stop], structure: _Rows, sizes: Mapping[str, Point]) -> list[float]:
    """The positions of a row's stops when they stand as close as they may, from 0."""
    offsets = [0.0]
    for left, right in pairwise(row):
        widths = [sizes[stop[0]][0] if structure.is_box(stop) else 0.0 for stop in (left, right)]
        offsets.append(offsets[-1] + sum(widths) / 2 + (BOX_GAP if all(widths) else LINE_GAP))
    return offsets


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest sequence that never falls, by weighted squares: pool adjacent violators.

    >>> isotonic([1.0, 4.0, 2.0, 5.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 3.0, 3.0, 5.0]
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]


def _straighten(
    structure: _Rows, x: dict[Stop, float], rows: Sequence[tuple[list[Stop], list[float]]], rounds: int = 8
) -> None:
    """Give every run of stops that only follow each other one x, where the runs beside it leave room."""
    runs = _runs(structure)
    distances: dict[tuple[Stop, Stop], float] = {}
    for row, offsets in rows:
        for stops, (start, end) in zip(pairwise(row), pairwise(offsets), strict=True):
            distances[stops] = end - start
    _align(runs, distances, x)
    left_of = {right: (left, distance) for (left, right), distance in distances.items()}
    right_of = {left: (right, distance) for (left, right), distance in distances.items()}
    leads: dict[Stop, list[Stop]] = defaultdict(list)
    for upper, lower in sorted(structure.leads):
        leads[upper].append(lower)
        leads[lower].append(upper)
    for _ in range(rounds):
        for run in runs:
            lefts = [left_of[stop] for stop in run if stop in left_of]
            rights = [right_of[stop] for stop in run if stop in right_of]
            low = max((x[stop] + distance for stop, distance in lefts), default=-math.inf)
            high = min((x[stop] - distance for stop, distance in rights), default=math.inf)
            own = set(run)
            drawn = [x[n] for stop in run for n in leads[stop] if n not in own]
            wish = _mean(drawn, _mean([x[stop] for stop in run], 0.0))
            if not any(structure.above[stop] or structure.below[stop] for stop in run):
                wish = low if lefts else high if rights else wish  # An input that nothing reads stays close.
            if low <= high:
                x.update(dict.fromkeys(run, min(max(wish, low), high)))


def _runs(structure: _Rows) -> list[list[Stop]]:
    """All stops, in runs that should be straight: a line's own stops, and boxes that only follow each other."""
    run_of: dict[Stop, list[Stop]] = {}
    runs: list[list[Stop]] = []
    for row in structure.rows:
        for stop in row:
            before = _single(n for n in structure.above[stop] if (n, stop) in structure.leads)
            previous = (stop[0], stop[1] - 1)
            if previous in run_of and not structure.is_box(stop) and not structure.is_box(previous):
                run = run_of[previous]
            elif before and _single(n for n in structure.below[before] if (before, n) in structure.leads):
                run = run_of[before]
            else:
                runs.append(run := [])
            run.append(stop)
            run_of[stop] = run
    return runs


def _align(runs: Sequence[list[Stop]], distances: Mapping[tuple[Stop, Stop], float], x: dict[Stop, float]) -> None:
    """Move every run to one x near its stops' mean, and whole runs apart until the distances hold.

    Runs that cross each other cannot all be straight; their stops may move apart.
    """
    import networkx as nx

    beside: nx.DiGraph[int] = nx.DiGraph()
    number = {stop: i for i, run in enumerate(runs) for stop in run}
    beside.add_nodes_from(range(len(runs)))
    beside.add_edges_from((number[left], number[right]) for left, right in distances)
    crossing = {i for part in nx.strongly_connected_components(beside) if len(part) > 1 for i in part}
    blocks = [run for i, run in enumerate(runs) if i not in crossing]
    blocks += [[stop] for i in sorted(crossing) for stop in runs[i]]
    number = {stop: i for i, block in enumerate(blocks) for stop in block}
    apart: nx.DiGraph[int] = nx.DiGraph()
    apart.add_nodes_from(range(len(blocks)))
    for (left, right), distance in distances.items():
        a, b = number[left], number[right]
        known = apart.get_edge_data(a, b, {"distance": 0.0})["distance"]
        apart.add_edge(a, b, distance=max(distance, known))
    # Pushing only to the right and pushing only to the left both keep the distances; so does their mean.
    pushed_right = [_mean([x[stop] for stop in block], 0.0) for block in blocks]
    pushed_left = list(pushed_right)
    order = list(nx.lexicographical_topological_sort(apart))
    for b in order:
        for a, _, distance in apart.in_edges(b, data="distance"):
            pushed_right[b] = max(pushed_right[b], pushed_right[a] + distance)
    for a in reversed(order):
        for _, b, distance in apart.out_edges(a, data="distance"):
            pushed_left[a] = min(pushed_left[a], pushed_left[b] - distance)
    for i, block in enumerate(blocks):
        x.update(dict.fromkeys(block, (pushed_right[i] + pushed_left[i]) / 2))


def _single(stops: Iterable[Stop]) -> Stop | None:
    """The only one of ``stops``; None when there are none or several."""
    all_stops = list(stops)
    return all_stops[0] if len(all_stops) == 1 else None


# -- boxes and lines -------------------------------------------------------------------------------


def _lines(graph: Graph, structure: _Rows, sizes: Mapping[str, Point], x: Mapping[Stop, float]) -> Layout:
    """Rows from top to bottom, and every line from the foot of its source to the head of its target."""
    boxes, rows = structure.boxes, structure.rows
    left = min(x[stop] - (sizes[stop[0]][0] / 2 if structure.is_box(stop) else 0.0) for stop in x)
    right = max(x[stop] + (sizes[stop[0]][0] / 2 if structure.is_box(stop) else 0.0) for stop in x)
    x = {stop: place - left for stop, place in x.items()}
    halves = [max(sizes[stop[0]][1] for stop in row if structure.is_box(stop)) / 2 for row in rows]
    middles = [halves[0]]
    for row, (half, next_half) in zip(rows, pairwise(halves), strict=False):
        bend = max((abs(x[stop] - x[end]) for stop in row for end in structure.below[stop]), default=0.0)
        middles.append(middles[-1] + half + ROW_GAP + min(0.12 * bend, 70.0) + next_half)
    edges: list[Edge] = []
    for target in graph.order:
        ways = [_way(source, target, boxes) for source in graph.nodes[target].inputs]
        head = middles[boxes[target]] - sizes[target][1] / 2
        ports = _ports([x[way[-2]] for way in ways], x[target, boxes[target]], sizes[target][0])
        for index, (way, port) in enumerate(zip(ways, ports, strict=True)):
            source, start = way[0]
            leave = x[way[0]]
            if len(way) == 2:  # Several lines from one box straight to another run side by side.
                leave += port - _mean([p for p, other in zip(ports, ways, strict=True) if other == way], port)
            points = [(leave, middles[start] + sizes[source][1] / 2)]
            points += [(leave, middles[start] + halves[start] + STEM)]
            for stop in way[1:-1]:
                reach = halves[stop[1]] + STEM
                points += [(x[stop], middles[stop[1]] - reach), (x[stop], middles[stop[1]] + reach)]
            points += [(port, middles[boxes[target]] - halves[boxes[target]] - STEM), (port, head)]
            edges.append(Edge(source, target, index, points))
    positions = {name: (x[name, row], middles[row]) for name, row in boxes.items()}
    return Layout(positions, dict(sizes), edges, right - left, middles[-1] + halves[-1])


def _ports(arrivals: Sequence[float], centre: float, width: float) -> list[float]:
    """Where lines from ``arrivals`` enter a box: side by side, in their order."""
    count = len(arrivals)
    order = sorted(range(count), key=lambda i: (arrivals[i], i))
    straight = [rank for rank, i in enumerate(order) if abs(arrivals[i] - centre) < PORT_GAP / 2]
    middle = float(straight[0]) if len(straight) == 1 else (count - 1) / 2
    reach = max(middle, count - 1 - middle, 1.0)
    gap = min(PORT_GAP, (width / 2 - 10) / reach)
    ports = [0.0] * count
    for rank, i in enumerate(order):
        ports[i] = centre + (rank - middle) * gap
    return ports


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
