// SPDX-License-Identifier: Apache-2.0
// Time series by uPlot; distributions as ridges in SVG, all on one logarithmic axis so that kinds of hardware compare at a glance.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { escape, ms, type Histogram } from "./data";

const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** The lines' colours in the light or dark of now. */
export const palette = (): string[] => [1, 2, 3, 4, 5, 6, 7, 8].map((i) => color(`--line-${i}`));
export const alarm = (): string => color("--bad");

export interface Line { label: string; values: (number | null)[]; stroke: string; dash?: number[]; points?: boolean; fill?: string }

/** 14:05, and the day where one begins. */
const clock = (seconds: number): string => {
  const at = new Date(seconds * 1000), hour = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return hour === "00:00" ? at.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : hour;
};

/** A single moment stands in an hour of its own. */
const pad = (times: number[]): number[][] => [times.length === 1 ? [times[0]! - 1800, times[0]!, times[0]! + 1800] : times];

/** Milliseconds over time. `times`: seconds since 1970. */
export function timeChart(host: HTMLElement, times: number[], lines: Line[], height = 260): uPlot {
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  const width = (): number => Math.max(240, host.clientWidth);
  const chart = new uPlot(
    {
      width: width(), height, legend: { live: true }, cursor: { points: { size: 7 } },
      axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 74, values: (_, ticks) => ticks.map((t) => (t === 0 ? "0" : ms(t))) }],
      scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(high, 1e-4) * 1.08] } },
      series: [
        { label: "time", value: (_: uPlot, v: number | null) => (v == null ? "" : `${new Date(v * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock(v)}`) },
        ...lines.map((l) => ({ label: l.label, stroke: l.stroke, width: 1.8, dash: l.dash, fill: l.fill, spanGaps: false, points: { show: l.points ?? false, size: 5 }, value: (_: uPlot, v: number | null) => ms(v) })),
      ],
    },
    [...pad(times), ...lines.map((l) => (times.length === 1 ? [null, l.values[0], null] : l.values))] as uPlot.AlignedData,
    host,
  );
  new ResizeObserver(() => chart.setSize({ width: width(), height })).observe(host);
  return chart;
}

interface Bin { x: number; y: number }

/** Share of the values per bin of the common scale, over log2 of milliseconds. */
function bins(h: Histogram, scale: number): Bin[] {
  const shift = h[0]! - scale, step = 2 ** -scale, sums = new Map<number, number>();
  for (let i = 7; i < h.length; ++i) {
    const index = Math.floor((h[1]! + i - 7) / 2 ** shift);
    sums.set(index, (sums.get(index) ?? 0) + h[i]!);
  }
  const indexes = [...sums.keys()], low = Math.min(...indexes) - 1, high = Math.max(...indexes) + 1, out: Bin[] = [];
  for (let i = low; i <= high; ++i) out.push({ x: (i + 0.5) * step - Math.log2(1e6), y: (sums.get(i) ?? 0) / h[3]! });
  return out;
}

export function quantile(h: Histogram, q: number): number {
  const rank = Math.max(1, Math.ceil(q * h[3]!));
  let seen = h[2]!;
  for (let i = 7; i < h.length; ++i) {
    seen += h[i]!;
    if (seen >= rank) return Math.min(h[6]!, Math.max(h[5]!, 2 ** ((h[1]! + i - 6 - (seen - rank + 0.5) / h[i]!) / 2 ** h[0]!))) / 1e6;
  }
  return h[6]! / 1e6;
}

export interface Ridge { name: string; note: string; shapes: { h: Histogram; before?: boolean }[] }

/** One row per ridge, with p50 (line) and p95 (dashed) of its last shape. */
export function ridges(rows: Ridge[]): string {
  const scale = Math.min(4, ...rows.flatMap((r) => r.shapes.map((s) => s.h[0]!)));
  const shaped = rows.map((r) => ({ ...r, shapes: r.shapes.map((s) => ({ ...s, bins: bins(s.h, scale) })) }));
  const all = shaped.flatMap((r) => r.shapes.flatMap((s) => s.bins));
  if (all.length === 0) return "";
  const narrow = innerWidth < 720;  // A phone: names and figures stand above the shapes instead of beside them.
  const width = narrow ? 400 : 1180, left = narrow ? 2 : 230, right = narrow ? width - 2 : width - 130, rowHeight = narrow ? 96 : 62, tall = 48, top = 8, height = top + rows.length * rowHeight + 30;
  const nameAt = narrow ? 76 : 20, noteAt = narrow ? 60 : 4;
  const low = Math.min(...all.map((b) => b.x)), high = Math.max(...all.map((b) => b.x)), x = (v: number): number => left + ((v - low) / (high - low || 1)) * (right - left);
  let svg = `<svg class="ridge" viewBox="0 0 ${width} ${height}" role="img" aria-label="Distributions of latency">`;
  for (let e = Math.ceil(low); e <= high; e += Math.max(1, Math.round((high - low) / (narrow ? 5 : 9)))) {
    svg += `<line class="grid" x1="${x(e)}" x2="${x(e)}" y1="${top}" y2="${height - 24}"/><text x="${x(e)}" y="${height - 8}" text-anchor="middle">${ms(2 ** e)}</text>`;
  }
  shaped.forEach((row, i) => {
    const base = top + (i + 1) * rowHeight - 6, tallest = Math.max(...row.shapes.flatMap((s) => s.bins.map((b) => b.y)));
    svg += `<line class="grid" x1="${left}" x2="${right}" y1="${base}" y2="${base}"/>`;
    svg += `<text class="name" x="0" y="${base - nameAt}">${escape(row.name)}</text><text x="0" y="${base - noteAt}">${escape(row.note)}</text>`;
    for (const shape of row.shapes) {
      const points = shape.bins.map((b) => `${x(b.x).toFixed(1)},${(base - (b.y / tallest) * tall).toFixed(1)}`);
      svg += `<path class="shape${shape.before ? " before" : ""}" d="M${x(shape.bins[0]!.x).toFixed(1)},${base}L${points.join("L")}L${x(shape.bins.at(-1)!.x).toFixed(1)},${base}Z"/>`;
    }
    const last = row.shapes.at(-1)!, p50 = quantile(last.h, 0.5), p95 = quantile(last.h, 0.95);
    svg += `<line class="mark" x1="${x(Math.log2(p50))}" x2="${x(Math.log2(p50))}" y1="${base}" y2="${base - tall}"/>`;
    svg += `<line class="mark95" x1="${x(Math.log2(p95))}" x2="${x(Math.log2(p95))}" y1="${base}" y2="${base - tall + 12}"/>`;
    svg += `<text x="${width}" y="${base - nameAt}" text-anchor="end" class="name">${ms(p50)}</text><text x="${width}" y="${base - noteAt}" text-anchor="end">p95 ${ms(p95)}</text>`;
  });
  return `${svg}</svg>`;
}
