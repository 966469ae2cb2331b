// SPDX-License-Identifier: Apache-2.0
// Five pages behind the part of the address after '#': overview, latency, rollout, device, ranking.
import { alarm, palette, ridges, timeChart, type Line } from "./charts";
import {
  ago, ask, count, escape, ms, percent, signed,
  type Device, type Distribution, type Hour, type Model, type Operator, type OpPoint, type Point, type Recent, type Report, type Rollout, type Side, type Totals, type Worst,
} from "./data";

type Cell = string | { n: string };
const page = document.getElementById("page")!;

function table(head: Cell[], rows: Cell[][]): string {
  const cell = (tag: string, c: Cell): string => (typeof c === "string" ? `<${tag}>${c}</${tag}>` : `<${tag} class="n">${c.n}</${tag}>`);
  return `<table><thead><tr>${head.map((c) => cell("th", c)).join("")}</tr></thead><tbody>${rows.map((r) => `<tr>${r.map((c) => cell("td", c)).join("")}</tr>`).join("")}</tbody></table>`;
}
const n = (text: string): Cell => ({ n: text });
const card = (title: string, lead: string, body: string): string => `<section class="card"><h2>${title}</h2><p>${lead}</p>${body}</section>`;
const head = (title: string, lead: string, tools = ""): string => `<div class="head"><div><h1>${title}</h1><p>${lead}</p></div>${tools}</div>`;
const fact = (value: string, label: string, tone = ""): string => `<div class="fact ${tone}"><b>${value}</b><span>${label}</span></div>`;
const tag = (verdict: string): string => `<span class="tag ${verdict}">${verdict}</span>`;
const device = (name: string): string => `<a class="mono" href="#/device/${escape(name)}">${escape(name.slice(0, 16))}</a>`;
const empty = (text: string): string => `<section class="card empty">${text}</section>`;
const plural = (n: number, what: string): string => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
const picker = (models: Model[], chosen: string): string => models.length === 0 ? "" :
  `<select aria-label="Model">${models.map((m) => `<option${m.model === chosen ? " selected" : ""}>${escape(m.model)}</option>`).join("")}</select>`;
function onPick(route: string): void {
  page.querySelector("select")?.addEventListener("change", (e) => (location.hash = `#/${route}/${encodeURIComponent((e.target as HTMLSelectElement).value)}`));
}

function changeCell(r: Rollout): Cell {
  const c = r.p50_ms;
  if (c.before === 0) return `<small>${escape(r.reason)}</small>`;
  return n(`<span class="${r.verdict === "regressed" ? "up" : ""}">${signed(c.change)}</span><small>${signed(c.low)} to ${signed(c.high)}</small>`);
}
const rolloutTable = (rollouts: Rollout[]): string =>
  table(["verdict", "model", "hardware", "delegate", n("p50 before"), n("p50 after"), n("change (95 %)"), n("devices")],
    rollouts.map((r) => [tag(r.verdict), `<a href="#/rollout/${encodeURIComponent(r.model)}">${escape(r.model)}</a> <small>${escape(r.before)} to ${escape(r.after)}</small>`, escape(r.device_model), escape(r.delegate),
      n(ms(r.p50_ms.before || null)), n(ms(r.p50_ms.after || null)), changeCell(r), n(count(Math.min(r.devices_before, r.devices_after)))]));

async function overview(): Promise<void> {
  const [[totals], models, report] = await Promise.all([ask<Totals[]>("totals"), ask<Model[]>("models"), ask<Report>("report")]);
  const t = totals!, regressed = report.rollouts.filter((r) => r.verdict === "regressed").length;
  const verdict = regressed ? `${regressed} of ${report.rollouts.length} kinds of device got slower` : report.rollouts.length ? "No rollout made a kind of device slower" : "No rollout to judge yet";
  page.innerHTML = head("Overview", `${verdict}.`) +
    `<div class="facts">${fact(count(t.devices), t.devices === 1 ? "device" : "devices")}${fact(count(t.silent), "silent", t.silent ? "bad" : "good")}${fact(count(t.inferences), "inferences, 7 days")}` +
    `${fact(percent((t.errors ?? 0) / Math.max(1, (t.inferences ?? 0) + (t.errors ?? 0)), 2), "errors")}${fact(percent(t.throttled ?? 0), "of the time throttled")}${fact(regressed ? "slower" : report.rollouts.length ? "ok" : "–", "newest rollouts", regressed ? "bad" : report.rollouts.length ? "good" : "")}</div>` +
    (models.length ? "" : empty("No device has uploaded yet. <code>octet fleet token</code> enrols one; what it computes is here a minute later.")) +
    `<div class="two">${models.slice(0, 4).map((m, i) => `<section class="card"><h2>${escape(m.model)}</h2><p>${count(m.inferences)} inferences on ${m.kinds === 1 ? "1 kind" : `${m.kinds} kinds`} of hardware, ${plural(m.versions, "version")}</p><div class="plot" id="plot${i}"></div></section>`).join("")}</div>` +
    (report.rollouts.length ? card("Rollouts", "The same devices before and after, per hardware and delegate.", rolloutTable(report.rollouts)) : "") +
    (report.attention.length ? card("Devices that need somebody", "Silent, behind, with a wrong clock, or dropping records.",
      table(["what", "device", "hardware", n("value")], report.attention.slice(0, 12).map((a) => [tag(a.why), device(a.device), escape(a.device_model), n(`${count(a.value)} <small>${escape(a.meaning)}</small>`)]))) : "");
  await Promise.all(models.slice(0, 4).map(async (m, i) => {
    const hours = await ask<Hour[]>("hours", { model: m.model });
    hoursChart(document.getElementById(`plot${i}`)!, hours);
  }));
}

function hoursChart(host: HTMLElement, hours: Hour[]): void {
  const series = (label: string, key: "p50" | "p95" | "p99", stroke: string, dash?: number[]): Line => ({ label, values: hours.map((h) => h[key]), stroke, dash, points: hours.length < 30 });
  timeChart(host, hours.map((h) => h.t), [series("p50", "p50", palette()[0]!), series("p95", "p95", palette()[1]!), series("p99", "p99", palette()[1]!, [4, 4])], 220);
}

async function latency(wanted: string): Promise<void> {
  const models = await ask<Model[]>("models"), model = wanted || models[0]?.model;
  if (!model) return void (page.innerHTML = head("Latency", "") + empty("No records yet."));
  const [rows, operators] = await Promise.all([ask<Distribution[]>("distributions", { model }), ask<Operator[]>("operators", { model })]);
  const kinds = new Map<string, Operator[]>();
  for (const o of operators) kinds.set(`${o.device_model}, ${o.delegate}, version ${o.version}`, [...(kinds.get(`${o.device_model}, ${o.delegate}, version ${o.version}`) ?? []), o]);
  page.innerHTML = head("Latency by hardware and delegate", "The last 7 days, fastest first. The whole line is p50, the dashed one p95; every kind of device on one logarithmic axis.", picker(models, model)) +
    `<section class="card">${ridges(rows.map((r) => ({ name: r.device_model, note: `${r.delegate}, ${r.cpu}, ${count(r.ok)} inferences`, shapes: [{ h: r.h }] })))}</section>` +
    card("Quantiles", "Merged from histograms, never averaged.", table(["hardware", "processor", "kernels", "delegate", n("inferences"), n("p50"), n("p95"), n("p99")],
      rows.map((r) => [escape(r.device_model), escape(r.soc), escape(r.cpu), escape(r.delegate), n(count(r.ok)), n(ms(r.p50)), n(ms(r.p95)), n(ms(r.p99))]))) +
    (kinds.size ? card("Operators", "Where the time of one inference goes.", table(["", ...[...new Set(operators.map((o) => o.op))].map((op) => n(escape(op.toLowerCase())))],
      [...kinds].map(([kind, ops]) => [escape(kind), ...[...new Set(operators.map((o) => o.op))].map((op) => {
        const found = ops.find((o) => o.op === op);
        return n(found ? `${ms(found.mean_ms)}<small>${percent(found.share, 0)}</small>` : "");
      })]))) : "");
  onPick("latency");
}

async function rollout(wanted: string): Promise<void> {
  const [models, report] = await Promise.all([ask<Model[]>("models"), ask<Report>("report")]);
  const model = wanted || report.rollouts[0]?.model || models[0]?.model || "";
  const sides = await ask<Side[]>("sides", { model }), mine = report.rollouts.filter((r) => r.model === model);
  const rows = mine.map((r) => {
    const find = (version: string): Side | undefined => sides.find((s) => s.before === r.before && s.after === r.after && s.device_model === r.device_model && s.delegate === r.delegate && s.version === version);
    const before = find(r.before), after = find(r.after);
    return { name: `${r.device_model}`, note: `${r.delegate}: ${r.verdict}${r.p50_ms.before ? `, p50 ${signed(r.p50_ms.change)}` : ""}`, shapes: [...(before ? [{ h: before.h, before: true }] : []), ...(after ? [{ h: after.h }] : [])] };
  }).filter((r) => r.shapes.length > 0);
  const first = mine[0];
  page.innerHTML = head("Rollout", first ? `${escape(model)}: version ${escape(first.before)} to ${escape(first.after)}.` : "", picker(models, model)) +
    (rows.length === 0 ? empty(models.length ? "This model has had one version only." : "No records yet.") :
      `<section class="card"><h2>Before and after</h2><div class="legend"><span><i style="background:var(--a)"></i>version ${escape(first!.before)}</span><span><i style="background:var(--b)"></i>version ${escape(first!.after)}</span></div>${ridges(rows)}</section>` +
      card("Verdicts", "Devices are resampled, not inferences; at least 200 inferences and 5 devices a side.", table(["verdict", "hardware", "delegate", n("p50 before"), n("p50 after"), n("p50 change (95 %)"), n("p95 change"), n("devices"), n("inferences")],
        mine.map((r) => [tag(r.verdict), escape(r.device_model), escape(r.delegate), n(ms(r.p50_ms.before || null)), n(ms(r.p50_ms.after || null)), changeCell(r), n(r.p95_ms.before ? signed(r.p95_ms.change) : ""),
          n(`${count(r.devices_before)} / ${count(r.devices_after)}`), n(`${count(r.inferences_before)} / ${count(r.inferences_after)}`)]))));
  onPick("rollout");
}

async function oneDevice(name: string): Promise<void> {
  const [worst, recent] = await Promise.all([ask<Worst[]>("worst"), ask<Recent[]>("recent")]);
  const chosen = name || worst[0]?.device || recent[0]?.device || "";
  const [[d], history, operators] = await Promise.all([ask<Device[]>("device", { name: chosen }), ask<Point[]>("history", { name: chosen }), ask<OpPoint[]>("deviceops", { name: chosen })]);
  const others = recent.length === 0 ? "" : worst.length === 0 ? card("Seen last", "A kind of hardware needs five devices before one can be slow for its kind.",
    table(["device", "hardware", n("records"), n("seen")], recent.map((r) => [device(r.device), escape(r.device_model), n(count(r.rows)), n(ago(r.last_seen))]))) : card("Slowest against their own kind", "p50 against the median of devices of the same model, version and delegate.", table(["device", "hardware", "model", "delegate", n("p50"), n("median of its kind"), n("ratio")],
    worst.slice(0, 12).map((w) => [device(w.device), escape(w.device_model), `${escape(w.model)} <small>${escape(w.version)}</small>`, escape(w.delegate), n(ms(w.p50_ms)), n(ms(w.median_of_kind_ms)), n(`<span class="${w.ratio > 1.5 ? "up" : ""}">${w.ratio.toFixed(2)} ×</span>`)])));
  if (!d) return void (page.innerHTML = head("Device", "") + empty(chosen ? `There is no device ${escape(chosen)}.` : "No device has uploaded yet.") + others);
  page.innerHTML = head(`<span class="mono" style="font-size:20px">${escape(d.name)}</span>`, `${escape(d.device_model)}, ${escape(d.soc)}, ${escape(d.cpu)}, ${escape(d.os)}${d.driver ? `, driver ${escape(d.driver)}` : ""}, ${count(d.mem_mb)} MB`) +
    `<div class="facts">${fact(count(d.rows), "records")}${fact(d.last_seen ? ago(d.last_seen) : "never", "last seen")}${fact(count(d.dropped), "dropped by the device", d.dropped ? "bad" : "")}${fact(count(d.missing), "missing", d.missing ? "bad" : "good")}` +
    `${fact(d.skew_us == null ? "–" : `${(d.skew_us / 1e6).toFixed(1)} s`, "clock", Math.abs(d.skew_us ?? 0) > 6e7 ? "bad" : "")}</div>` +
    card("Latency", "Every minute of the last two days; points are minutes in which heat held the clock back.", `<div id="history"></div>`) +
    (operators.length ? card("Operators", "Mean time of all nodes of one kind in one inference.", `<div id="operators"></div>`) : "") + others;
  const throttled = history.map((p) => (p.thermal >= 2 ? p.p50 : null));
  timeChart(document.getElementById("history")!, history.map((p) => p.t), [
    { label: "p50", values: history.map((p) => p.p50), stroke: palette()[0]! }, { label: "p95", values: history.map((p) => p.p95), stroke: palette()[1]!, dash: [4, 4] },
    { label: "throttled", values: throttled, stroke: alarm(), points: true }]);
  const host = document.getElementById("operators");
  if (!host) return;
  const times = [...new Set(operators.map((o) => o.t))], kinds = [...new Set(operators.map((o) => o.op))].slice(0, palette().length);
  timeChart(host, times, kinds.map((op, i) => ({ label: op.toLowerCase(), stroke: palette()[i]!, points: true, values: times.map((t) => operators.find((o) => o.t === t && o.op === op)?.ms ?? null) })));
}

async function ranking(): Promise<void> {
  const [report, stages] = await Promise.all([ask<Report>("report"), ask<{ device_model: string; delegate: string; model: string; version: string; total_s: number; queue_share: number; copy_share: number; requests: number }[]>("stages")]);
  const all = stages.reduce((sum, s) => sum + s.total_s, 0) || 1;
  page.innerHTML = head("Ranking", "What costs the fleet time, the dearest first.") +
    (stages.length === 0 ? empty("No records yet.") : report.bottlenecks.length === 0 ? empty("No bottleneck: no rollout made a kind of device slower, nothing waits, nothing copies too much.") :
      `<section class="card">${report.bottlenecks.map((b, i) => `<div class="rank"><b>${i + 1}</b><h2>${escape(b.model)} on ${escape(b.device_model)}, ${escape(b.delegate)} ${b.kind === "regression" ? tag("regressed") : tag(b.kind)}</h2><div class="cost">${percent(b.cost_share, 2)}<br><small>of all time</small></div>` +
        `<p>${escape(b.what)}${b.since ? `, since ${escape(b.since)}` : ""}</p>${b.operators.length ? `<p>${b.operators.map((o) => `<code>${escape(o.op.toLowerCase())}</code> ${ms(o.before_ms)} to ${ms(o.after_ms)}`).join(" &nbsp; ")}</p>` : ""}</div>`).join("")}</section>`) +
    (stages.length === 0 ? "" : card("Where the time is", "Share of the time of all requests, and how much of it is waiting or copying.", table(["model", "hardware", "delegate", "share of the fleet's time", n("requests"), n("waiting"), n("copying")],
      stages.slice(0, 16).map((s) => [`${escape(s.model)} <small>${escape(s.version)}</small>`, escape(s.device_model), escape(s.delegate), `<div style="display:flex;gap:10px;align-items:center"><div class="bar"><i style="width:${(100 * s.total_s) / all}%"></i></div>${percent(s.total_s / all)}</div>`,
        n(count(s.requests)), n(percent(s.queue_share ?? 0)), n(percent(s.copy_share ?? 0))])))) +
    (report.throttling.length ? card("Throttling", "Share of the time in which heat held the clock back, and what it costs.", table(["model", "hardware", "delegate", "share", n("p95 throttled"), n("p95")],
      report.throttling.map((t) => [`${escape(t.model)} <small>${escape(t.version)}</small>`, escape(t.device_model), escape(t.delegate), `<div style="display:flex;gap:10px;align-items:center"><div class="bar"><i style="width:${100 * t.share}%"></i></div>${percent(t.share)}</div>`,
        n(`<span class="up">${ms(t.p95_throttled_ms)}</span>`), n(ms(t.p95_ms))]))) : "");
}

const routes: [string, string, (argument: string) => Promise<void>][] = [
  ["", "Overview", overview], ["latency", "Latency", latency], ["rollout", "Rollout", rollout], ["device", "Device", oneDevice], ["ranking", "Ranking", ranking],
];

async function show(): Promise<void> {
  const [, name = "", argument = ""] = location.hash.split("/");
  document.querySelector("nav")!.innerHTML = routes.map(([path, title]) => `<a href="#/${path}"${path === name ? ' aria-current="page"' : ""}>${title}</a>`).join("");
  const route = routes.find(([path]) => path === name) ?? routes[0]!;
  delete document.body.dataset["ready"];
  try {
    await route[2](decodeURIComponent(argument));
  } catch (error) {
    page.innerHTML = empty(`The figures cannot be read now: ${escape((error as Error).message)}`);
  }
  document.body.dataset["ready"] = name || "overview";
}

document.querySelector("form")!.addEventListener("submit", (e) => {
  e.preventDefault();
  location.hash = `#/device/${encodeURIComponent(new FormData(e.target as HTMLFormElement).get("device")!.toString().trim())}`;
});
addEventListener("hashchange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
matchMedia("(max-width: 720px)").addEventListener("change", show);
void show();
