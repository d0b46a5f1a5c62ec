"""From the figures of a run to the tables and the chart in docs/performance.md and README.md.

    python bench/peers/report.py            rewrite what stands between the markers in both files
    python bench/peers/report.py --check    exit with 1 if they say anything else than the figures
    python bench/peers/report.py --chart    draw docs/peers.svg, too (needs matplotlib)
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers.works import PEERS, WORKS, Bar, Work
from sections import rewrite, table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "peers.json"
CHART = ROOT / "docs" / "peers.svg"
NAMES = {w.name: w for w in WORKS}
LEAST_GAIN, LEAST_SCALING, SCALED = 0.97, 0.9, "reference CNN, training step, batch 128"
MOST_MEMORY = 0.25


class Verdict(NamedTuple):
    """A bar and what was measured."""

    work: str
    threads: str
    fastnn: str
    other: str  # the fastest of the others, or whatever the bar compares with
    measured: str
    bar: str
    met: bool | None  # None: not a bar


def duration(us: float) -> str:
    """Three digits, with a unit."""
    value, unit = (us, "us") if us < 1e3 else (us / 1e3, "ms")
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


# ---- bars -----------------------------------------------------------------------------------------------------------


def fastest(row: dict[str, Any], bar: Bar) -> tuple[str, float] | None:
    """The fastest of a bar's libraries, and its microseconds."""
    times = [(row["peers"][peer]["us"], peer) for peer in bar.peers if peer in row["peers"]]
    return (min(times)[1], min(times)[0]) if times else None


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """Every bar, in the order of the works, one thread before two."""
    found: list[Verdict] = []
    for work in WORKS:
        for row in result.get("rows", []):
            if row["work"] == work.name and "fastnn" in row["peers"]:
                found += of_row(work, row, result["machine"])
    return found + of_scaling(result.get("scaling", [])) + of_memory(result.get("rss", {}))


def of_row(work: Work, row: dict[str, Any], machine: dict[str, Any]) -> list[Verdict]:
    found = []
    threads, us = row["threads"], row["peers"]["fastnn"]["us"]
    for bar in work.bars:
        best = fastest(row, bar)
        if best is None:
            continue
        least = bar.for_threads(threads)
        binding = work.kind != "gemm" or (machine["isa"] == "avx512" and "AMD" in machine["cpu"])
        found.append(Verdict(
            work.name + (f" (against {bar.name})" if bar.name else ""), str(threads), duration(us),
            f"{best[0]} {duration(best[1])}", f"{best[1] / us:.2f}x", f"{least:g}x" if binding else "",
            best[1] / us >= least if binding else None,
        ))  # fmt: skip
    if work.most_us is not None:
        found.append(Verdict(work.name, str(threads), duration(us), "", duration(us), f"under {work.most_us:g} us",
                             us < work.most_us))  # fmt: skip
    if "share_of_peak" in row:
        share, least = row["share_of_peak"], work.share
        found.append(Verdict(
            f"{work.name}, share of the peak", str(threads), f"{row['gflops']:.0f} GFLOP/s",
            f"peak {row['peak_gflops']:.0f} GFLOP/s", f"{share:.0%}", "" if least is None else f"{least:.0%}",
            None if least is None else share >= least,
        ))  # fmt: skip
    return found


def of_scaling(rows: list[dict[str, Any]]) -> list[Verdict]:
    found = []
    for row in rows:
        if row["work"] == SCALED:
            share = row["gain"] / row["peak_gain"]
            found.append(Verdict(
                f"{SCALED}: gain by {row['threads']} threads beside the calibration kernel's", "1 to 2",
                f"{row['gain']:.2f}x", f"{row['peak_gain']:.2f}x", f"{share:.2f}", f"{LEAST_SCALING:g}",
                share >= LEAST_SCALING,
            ))  # fmt: skip
    if rows:
        worst = min(rows, key=lambda row: float(row["gain"]))
        found.append(Verdict(
            f"least gain by 2 threads of all rows above: {worst['work']}", "1 to 2", f"{worst['gain']:.2f}x", "",
            f"{worst['gain']:.2f}x", f"{LEAST_GAIN:g}x", worst["gain"] >= LEAST_GAIN,
        ))  # fmt: skip
    return found


def of_memory(rss: dict[str, dict[str, int]]) -> list[Verdict]:
    own = {name: (figures["peak"] - figures["data"]) / 1e6 for name, figures in rss.items()}
    if len(own) < 2:
        return []
    mine, theirs = own["fastnn"], own["PyTorch"]
    return [Verdict(
        "peak memory of the process that trains the reference CNN, batch 128, without the data", "1",
        f"{mine:.0f} MB", f"PyTorch {theirs:.0f} MB", f"1/{theirs / mine:.1f}", f"1/{1 / MOST_MEMORY:g}",
        mine <= MOST_MEMORY * theirs,
    )]  # fmt: skip


# ---- text -----------------------------------------------------------------------------------------------------------

HEADINGS = ("work", "threads", "fastnn", "fastest other", "measured", "bar", "met")


def cells(verdict: Verdict) -> list[str]:
    return [*verdict[:-1], {True: "yes", False: "**no**", None: ""}[verdict.met]]


def aligned(rows: list[list[str]], between: str = "  ") -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [between.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def terminal(result: dict[str, Any]) -> str:
    """For the terminal."""
    rows = [list(HEADINGS), *([c.replace("**", "") for c in cells(v)] for v in verdicts(result))]
    return "\n".join(aligned(rows))


def setting(result: dict[str, Any]) -> str:
    machine = result["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['isa']}, {machine['compiler']}, "
            f"Python {machine['python']}; {libraries}; medians of {result['rounds']} turns or more.")


def for_docs(result: dict[str, Any]) -> str:
    """Bars, then the times of every library."""
    lines = [setting(result), "", *table(list(HEADINGS), [cells(v) for v in verdicts(result)]), ""]
    if result["complaints"]:
        lines += ["The run had complaints:", "", *(f"* {text}" for text in result["complaints"]), ""]
    peers = [p for p in PEERS if any(p in row["peers"] for row in result["rows"])]
    rows = []
    for row in sorted(result["rows"], key=lambda row: [w.name for w in WORKS].index(row["work"])):
        times = [duration(row["peers"][p]["us"]) if p in row["peers"] else "" for p in peers]
        rows.append([row["work"], str(row["threads"]), *times])
    lines += ["Times of every library:", "", *table(["work", "threads", *peers], rows), ""]
    if result.get("scaling"):
        gains = [[row["work"], f"{row['gain']:.2f}x", f"{row['peak_gain']:.2f}x"] for row in result["scaling"]]
        lines += ["One thread beside two, taken in turns:", "",
                  *table(["work", "gain of fastnn", "gain of the calibration kernel"], gains), ""]  # fmt: skip
    return "\n".join([*lines, "![how many times as long as fastnn each library takes](peers.svg)"])


def for_readme(result: dict[str, Any]) -> str:
    """The rows that a user asks about first."""
    rows = []
    for name in README_ROWS:
        cell = []
        for threads in (1, 2):
            row = next((r for r in result["rows"] if r["work"] == name and r["threads"] == threads), None)
            everyone = Bar(tuple(p for p in PEERS if p not in ("fastnn", "NumPy")), 0.0)
            best = fastest(row, everyone) if row else None
            if row is None or best is None:
                cell.append("")
            else:
                us = row["peers"]["fastnn"]["us"]
                cell.append(f"{duration(us)}; {best[0]} {duration(best[1])}: {best[1] / us:.1f}x")
        if any(cell):
            rows.append([name, *cell])
    headings = ["work", "1 thread: fastnn; fastest other library", "2 threads"]
    lines = table(headings, rows)
    for verdict in of_memory(result.get("rss", {})):
        lines += ["", f"Peak {verdict.work.removeprefix('peak ')}: {verdict.fastnn}; {verdict.other}."]
    ran = [p for p in PEERS if p != "fastnn" and any(p in row["peers"] for row in result["rows"])]
    unsound = ["", "The run had complaints; docs/performance.md names them."] if result["complaints"] else []
    return "\n".join([
        *lines, "",
        f"Compared with {', '.join(ran)} in one run on one machine ({result['machine']['cpu']}, "
        f"{result['machine']['cores']} cores). `make bench-peers` repeats it; "
        "[docs/performance.md](docs/performance.md) has all rows, and says what is not faster.", *unsound,
    ])  # fmt: skip


README_ROWS = [
    "reference CNN, training step, batch 32", "reference CNN, training step, batch 128",
    "reference CNN, inference per image, batch 32", "MLP 64-25-15-1, training step, batch 32",
    "MLP 64-25-15-1, one sample, model(x)", "MLP 784-512-512-10, training step, batch 128",
    "CIFAR CNN, training step, batch 64",
]  # fmt: skip
NOT_MEASURED = "Not measured yet: `make bench-peers` fills this in."
FILES = {ROOT / "docs" / "performance.md": for_docs, ROOT / "README.md": for_readme}


# ---- chart ----------------------------------------------------------------------------------------------------------


def draw(result: dict[str, Any], path: Path) -> None:
    """One row per work, one mark per library: how many times as long as fastnn it takes."""
    import matplotlib

    matplotlib.use("svg" if path.suffix == ".svg" else "agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "fastnn", "font.size": 9})
    works = [w for w in WORKS if any(r["work"] == w.name and len(r["peers"]) > 1 for r in result["rows"])]
    peers = [p for p in PEERS if p != "fastnn" and any(p in r["peers"] for r in result["rows"])]
    counts = sorted({r["threads"] for r in result["rows"]})
    figure, axes = plt.subplots(
        1, len(counts), figsize=(6.5 + 4.5 * (len(counts) - 1), 1.6 + 0.36 * len(works)), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    colors = plt.get_cmap("tab10").colors
    marks = "os^vDP*X<>"
    for axis, threads in zip(axes[0], counts, strict=True):
        for i, work in enumerate(works):
            row = next((r for r in result["rows"] if r["work"] == work.name and r["threads"] == threads), None)
            if row is None:
                continue
            for bar in work.bars:
                axis.plot([bar.for_threads(threads)] * 2, [i - 0.38, i + 0.38], color="0.3", lw=2, zorder=1)
            mine = row["peers"]["fastnn"]["us"]
            for k, peer in enumerate(peers):
                if peer in row["peers"]:
                    axis.plot(row["peers"][peer]["us"] / mine, i, marks[k], color=colors[k], ms=6, zorder=2)
        axis.axvline(1, color="0.6", lw=1, zorder=0)
        axis.set(xscale="log", yticks=range(len(works)), yticklabels=[w.name for w in works],
                 title=f"{threads} thread{'s' * (threads > 1)}", xlabel="times as long as fastnn")  # fmt: skip
        ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.grid(axis="x", color="0.9", zorder=-1)
    axes[0][0].invert_yaxis()
    handles = [plt.Line2D([], [], color=colors[k], marker=marks[k], ls="", label=p) for k, p in enumerate(peers)]
    handles.append(plt.Line2D([], [], color="0.3", marker="|", ms=10, mew=2, ls="", label="the bar"))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a file differs from the figures")
    parser.add_argument("--chart", action="store_true", help="draw the chart, too")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = json.loads(options.json.read_text()) if options.json.exists() else None
    differs = [
        path.name for path, render in FILES.items()
        if rewrite(path, "bench-peers", render(result) if result else NOT_MEASURED, write=not options.check)
    ]  # fmt: skip
    if options.chart and result and not options.check:
        draw(result, CHART)
        scratch = ROOT / ".benchmarks"
        scratch.mkdir(exist_ok=True)
        draw(result, scratch / "peers.png")
    print(f"{'differ' if options.check else 'rewritten'}: {', '.join(differs) or 'nothing'}")
    return 1 if options.check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
