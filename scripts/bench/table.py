"""Medians and ratios of what was measured, as Markdown."""

import statistics

from sides import OWN, SIDES

# What the PyTorch bf16 peer computes with, as forward_alone.py calls it.
PEER_FORWARD = "channels_last@32"


def tables(results):
    rows = results["rows"]
    parts = [
        f"{results.get('images', '?')} photos, {results.get('cores', '?')} cores, batch {results.get('batch', '?')} "
        f"(featx: its own), medians of {rounds(rows)}.",
        "Images a second of the extraction:", rates_table(rows),
        "Seconds of the whole command:", side_table(rows, "wall_seconds", "{:.1f}", smaller_is_better=True),
        "Images a second of the whole command:", whole_table(rows, results),
        "Peak RSS, MB (the process; with what loader workers have for themselves in brackets):", memory_table(rows),
        "The limit, images a second:", limit_table(rows),
        "Relative L2 to the rows of PyTorch eager (bf16: of thingsvision, in f32):", agreement_table(rows),
    ]
    if "first_row" in results:
        found = results["first_row"]
        row, part = middle(found["row"]), middle(found["part"])
        parts.append("From command to first row on disk, alexnet features.10: "
                     f"{row:.2f} s in the part's file; "
                     f"{part:.2f} s to the first sealed part of one batch (--step-size 1).")
    return "\n\n".join(part for part in parts if part)


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


def rates(forward):
    """The ways of the forward pass that count, images a second."""
    return {way: rate for way, rate in forward.items() if isinstance(rate, float)}


def forward_of(row):
    """The fastest way of the forward pass and its median over the rounds."""
    every = {way: middle([rates(turn)[way] for turn in row["forward"] if way in rates(turn)])
             for turn in row["forward"] for way in rates(turn)}
    return max(every.items(), key=lambda named: named[1]) if every else (None, None)


def limit_of(row):
    """Images a second if the forward pass and decoding, both on all cores, took their times one after the other."""
    _, forward = forward_of(row)
    return forward and 1 / (1 / forward + middle(row["decode"]))


def limit_table(rows):
    lines = []
    for name, row in rows.items():
        way, forward = forward_of(row)
        if forward is None:
            continue
        found, limit = median(row, "featx", "images_per_second"), limit_of(row)
        peer = middle([rates(turn)[PEER_FORWARD] for turn in row["forward"] if PEER_FORWARD in rates(turn)])
        disk = ratio(row.get("bytes"), middle(row["disk"]))
        per_second = disk and disk / (row["bytes"] / row["images"])
        lines.append([name, f"{forward:.1f}", way, cell(1 / middle(row["decode"]), "{:.0f}"), f"{limit:.1f}",
                      cell(found, "{:.1f}"), cell(ratio(found, limit), "{:.2f}"),
                      cell(ratio(found, peer), "{:.2f}"), cell(per_second, "{:.1f}"),
                      cell(ratio(found, per_second and min(per_second, forward)), "{:.2f}")])
    if not lines:
        return ""
    return markdown(["model, layer", "forward alone", "its way", "decoding alone", "the limit", "featx",
                     "of the limit", "of PyTorch channels last's forward", "disk alone",
                     "of the slower of disk and forward"], lines)


def agreement_table(rows):
    sides = [side for side in SIDES if any(side in row["agrees"] for row in rows.values())]
    if not sides:
        return ""
    lines = [[name, *(cell(row["agrees"].get(side), "{:.0e}") for side in sides)] for name, row in rows.items()]
    return markdown(["model, layer", *(SIDES[side] for side in sides)], lines)
