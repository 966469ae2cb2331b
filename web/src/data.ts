// SPDX-License-Identifier: Apache-2.0
// What the server answers (src/fleet/pages.cc), and how numbers are written.

/** [scale, offset, zero, count, sum, min, max, c0, …]: docs/telemetry.md. Nanoseconds. */
export type Histogram = number[];

export interface Totals { devices: number; silent: number; inferences: number | null; errors: number | null; throttled: number | null; at: string | null }
export interface Hour { t: number; ok: number; p50: number; p95: number; p99: number }
export interface Model { model: string; inferences: number; versions: number; kinds: number; p50: number; p95: number }
export interface Distribution { device_model: string; soc: string; cpu: string; delegate: string; ok: number; h: Histogram; p50: number; p95: number; p99: number }
export interface Side { before: string; after: string; device_model: string; delegate: string; version: string; ok: number; h: Histogram }
export interface Change { before: number; after: number; change: number; low: number; high: number }
export interface Rollout {
  verdict: "ok" | "regressed" | "unknown"; reason: string; model: string; device_model: string; delegate: string; before: string; after: string;
  devices_before: number; devices_after: number; inferences_before: number; inferences_after: number; p50_ms: Change; p95_ms: Change;
}
export interface Bottleneck {
  kind: string; model: string; device_model: string; delegate: string; version: string; since: string; what: string; lost_s: number; cost_share: number;
  operators: { op: string; before_ms: number; after_ms: number }[];
}
export interface Report {
  devices: number; silent: number; regressed: boolean; rollouts: Rollout[]; bottlenecks: Bottleneck[];
  throttling: { model: string; device_model: string; delegate: string; version: string; share: number; p95_ms: number; p95_throttled_ms: number }[];
  attention: { why: string; device: string; device_model: string; value: number; meaning: string }[];
}
export interface Recent { device: string; device_model: string; rows: number; last_seen: string }
export interface Worst { device: string; device_model: string; model: string; version: string; delegate: string; inferences: number; p50_ms: number; p95_ms: number; median_of_kind_ms: number; ratio: number }
export interface Device {
  name: string; rows: number; first_seen: string; last_seen: string; bytes: number; device_model: string; soc: string; cpu: string; os: string; driver: string; mem_mb: number;
  committed: number | null; dropped: number | null; missing: number | null; skew_us: number | null;
}
export interface Point { t: number; model: string; version: string; delegate: string; thermal: number; ok: number; errors: number; temp_c: number | null; p50: number; p95: number }
export interface OpPoint { t: number; model: string; op: string; ms: number }
export interface Operator { device_model: string; delegate: string; version: string; op: string; mean_ms: number; p50_ms: number; p95_ms: number; share: number }

export async function ask<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(`/api/${path}${query ? `?${query}` : ""}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `${answer.status}`);
  return body as T;
}

export const escape = (text: unknown): string => String(text ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
export function ms(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value >= 100) return `${value.toFixed(0)} ms`;
  if (value >= 1) return `${Number(value.toPrecision(3))} ms`;
  return `${Number((value * 1000).toPrecision(3))} µs`;
}
export function count(value: number | null | undefined): string {
  if (value == null) return "0";
  if (Math.abs(value) >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return value.toLocaleString("en");
}
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;
export const signed = (share: number): string => `${share >= 0 ? "+" : "−"}${(100 * Math.abs(share)).toFixed(1)} %`;
export const ago = (time: string): string => {
  const minutes = (Date.now() - Date.parse(time)) / 60000;
  return minutes < 90 ? `${Math.max(0, minutes).toFixed(0)} min ago` : minutes < 2880 ? `${(minutes / 60).toFixed(0)} h ago` : `${(minutes / 1440).toFixed(0)} days ago`;
};
