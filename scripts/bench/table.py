"""Medians and ratios of what was measured, as Markdown."""

import statistics

from sides import OWN, PEER_FORWARD, SIDES


def tables(results):
    rows = results["rows"]
    parts = [f"{results.get('images', '?')} photos, {results.get('cores', '?')} cores, batch {results.get('batch', '?')} "
             f"(featx: its own)."]
    if sides_in(rows):
        parts += [
            f"Images a second of the extraction, medians of {rounds(rows)}:", rates_table(rows),
            "Seconds of the whole command:", side_table(rows, "wall_seconds", "{:.1f}", smaller_is_better=True),
            "Images a second of the whole command:", whole_table(rows, results),
            "Peak RSS, MB (the process; with what loader workers have for themselves in brackets):", memory_table(rows),
        ]
    if any(row["limit"] for row in rows.values()):
        parts += ["The limit and featx, images a second, medians of turns taken one after the other:", limit_table(rows)]
    if any(row["agrees"] for row in rows.values()):
        parts += ["Relative L2 to the rows of PyTorch eager (bf16: of thingsvision, in f32):", agreement_table(rows)]
    if "first_row" in results:
        found = results["first_row"]
        row, part = middle(found["row"]), middle(found["part"])
        parts.append("From command to first row on disk, alexnet features.10: "
                     f"{row:.2f} s in the part's file; "
                     f"{part:.2f} s to the first sealed part of one batch (--step-size 1).")
    return "\n\n".join(parts)


def rounds(rows):
    counts = sorted({len(turns) for row in rows.values() for turns in row["sides"].values()})
    return f"{' or '.join(map(str, counts))} rounds" if counts != [1] else "1 round"


def middle(values):
    return statistics.median(values) if values else None


def median(row, side, key):
    return middle([turn[key] for turn in row["sides"].get(side, [])])


def markdown(heads, lines):
    rule = "|".join(["---"] + ["---:"] * (len(heads) - 1))
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}|"] + [f"| {' | '.join(line)} |" for line in lines])


def cell(value, form):
    return "–" if value is None else form.format(value)


def ratio(value, to):
    return None if value is None or not to else value / to


def peers(rows):
    """The sides that some row has, but featx."""
    return [side for side in sides_in(rows) if side not in OWN]


def sides_in(rows):
    return [side for side in SIDES if any(row["sides"].get(side) for row in rows.values())]


def heads(rows):
    return ["model, layer", *(SIDES[side] for side in sides_in(rows))]


def figures(rows, row, of, form):
    """A line's cells: every side."""
    return [cell(of(row, side), form) for side in sides_in(rows)]


def side_table(rows, key, form, smaller_is_better=False):
    def of(row, side):
        return median(row, side, key)
    lines = []
    for name, row in rows.items():
        times = [ratio(of(row, side), of(row, "featx")) if smaller_is_better else ratio(of(row, "featx"), of(row, side))
                 for side in peers(rows)]
        lines.append([name, *figures(rows, row, of, form), *(cell(value, "{:.2f}") for value in times)])
    return markdown([*heads(rows), *(f"× {SIDES[side].split(',')[0]}" for side in peers(rows))], lines)


def rates_table(rows):
    return side_table(rows, "images_per_second", "{:.1f}")


def whole_table(rows, results):
    images = results.get("images", 0)
    lines = [[name, *figures(rows, row, lambda row, side: ratio(images, median(row, side, "wall_seconds")), "{:.1f}")]
             for name, row in rows.items()]
    return markdown(heads(rows), lines)


def memory_table(rows):
    lines = []
    for name, row in rows.items():
        cells = []
        for side in sides_in(rows):
            alone, whole = median(row, side, "peak_rss_bytes"), median(row, side, "peak_with_workers_bytes")
            more = f" ({whole / 1e6:,.0f})" if alone and whole > alone else ""
            cells.append(cell(alone and alone / 1e6, "{:,.0f}") + more)
        share = ratio(median(row, "featx", "peak_rss_bytes"), median(row, "thingsvision", "peak_rss_bytes"))
        lines.append([name, *cells, cell(share, "{:.2f}")])
    return markdown([*heads(rows), "featx / thingsvision"], lines)


def limit_table(rows):
    lines = []
    for name, row in rows.items():
        turns = row["limit"]
        if not turns:
            continue
        way, forward = fastest([turn["forward"] for turn in turns])
        decode, found, disk = (middle([turn[key] for turn in turns if key in turn])
                               for key in ("decode", "featx", "disk"))
        limit = 1 / (1 / forward + 1 / decode)
        peer = middle([turn["forward"][PEER_FORWARD] for turn in turns if PEER_FORWARD in turn["forward"]])
        slower = disk and min(disk, forward)
        lines.append([name, str(len(turns)), f"{forward:.1f}", way, f"{decode:.0f}", f"{limit:.1f}", f"{found:.1f}",
                      cell(ratio(found, limit), "{:.2f}"), cell(ratio(found, peer), "{:.2f}"), cell(disk, "{:.1f}"),
                      cell(ratio(found, slower), "{:.2f}")])
    return markdown(["model, layer", "turns", "forward alone", "its way", "decoding alone", "the limit", "featx",
                     "of the limit", "of PyTorch channels last's forward", "disk alone",
                     "of the slower of disk and forward"], lines)


def fastest(turns):
    """The fastest way of the forward pass and its median over the turns."""
    return max(((way, middle([turn[way] for turn in turns])) for way in turns[0]), key=lambda named: named[1])


def agreement_table(rows):
    sides = [side for side in SIDES if any(side in row["agrees"] for row in rows.values())]
    lines = [[name, *(cell(row["agrees"].get(side), "{:.0e}") for side in sides)] for name, row in rows.items()]
    return markdown(["model, layer", *(SIDES[side] for side in sides)], lines)
