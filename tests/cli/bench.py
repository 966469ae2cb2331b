#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet bench: its JSON, files and comparisons, and the lines of benchmark_model with --compat.

Usage: bench.py OCTET REPOSITORY WORK_FOLDER CLASSIC_PLUGIN
"""
import json
import pathlib
import re
import subprocess
import sys

octet, repository, work, plugin = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
work.mkdir(parents=True, exist_ok=True)
ADD = repository / "tests/ops/vectors/ADD/0.tflite"
CONV = repository / "tests/ops/vectors/CONV_2D/0.tflite"


def bench(*flags, code=0):
    result = subprocess.run([octet, "bench", *map(str, flags)], capture_output=True, text=True)
    assert result.returncode == code, (flags, result)
    return result.stdout if code == 0 else result.stdout + result.stderr


one = json.loads(bench(CONV, "--runs", 7, "--json", "--raw"))
for key in ("model threads runs min_us p5_us median_us p95_us p99_us load_us load_cpu_us first_us first_cpu_us arena_bytes rss_bytes kernels delegates memory").split():
    assert key in one, key
assert len(one["samples_us"]) == one["runs"] == 7 and min(one["samples_us"]) == one["min_us"]
assert [d["name"] for d in one["delegates"]] == ["cpu"] and len(one["memory"]) >= 3

# What a node's rate is measured by: floats' peak or integers'. Dynamic range multiplies integers, but for depthwise windows.
def yardsticks(model):
    result = json.loads(bench(model, "--runs", 2, "--profile", "--json"))
    names = {v: k for k, v in result["core_peak"].items()}
    return {(n["op"], n["kernel"]): names[n["peak_gmacs"]] for n in result["profile"] if n["macs"]}


assert set(yardsticks(CONV).values()) == {"f32_gmacs"}
DYNAMIC = repository / "../shared/zoo/perf/mobilenet_v2_dynamic.tflite"
if DYNAMIC.exists():
    found = yardsticks(DYNAMIC)
    assert found[("conv_2d", "packed_hybrid")] == "int8_gmacs" and found[("depthwise_conv_2d", "channels_hybrid_f32")] == "f32_gmacs", found

# Models and settings side by side.
pair = json.loads(bench(ADD, CONV, "--runs", 30, "--json"))
assert len(pair) == 2 and set(pair[1]["against_first"]) == {"ratio", "low", "high", "p", "verdict"}, pair[1]
same = json.loads(bench(CONV, "--sweep", "threads=1:1", "--runs", 40, "--json"))[1]["against_first"]
assert same["low"] <= same["ratio"] <= same["high"], same
swept = json.loads(bench(ADD, "--sweep", "threads=1:2,delegates", "--delegate", plugin, "--runs", 3, "--json"))
assert [s["threads"] for s in swept] == [1, 2, 1, 2] and [s["delegates"][0]["name"] for s in swept][::2] == ["cpu", pathlib.Path(plugin).name]
assert "expected threads" in bench(ADD, "--sweep", "models", code=2)

builds = json.loads(bench(CONV, "--build", octet, "--runs", 12, "--json"))
assert len(builds["builds"]) == 2 and "verdict" in builds["against_first"], builds
bench(CONV, "--build", "/bin/true", code=2)

# Files.
trace, csv, html = work / "trace.json", work / "runs.csv", work / "page.html"
bench(CONV, "--runs", 5, "--trace", trace, "--csv", csv, "--html", html, "--profile")
events = json.loads(trace.read_text())["traceEvents"]
assert {"load", "first run", "run 4"} <= {e["name"] for e in events} and any(e["name"].startswith("conv_2d") for e in events)
assert csv.read_text().splitlines()[0] == "label,threads,run,us" and len(csv.read_text().splitlines()) == 6
assert "<table" in html.read_text()

# For long.
pieces = json.loads(bench(CONV, "--runs", 2, "--sustain", "1s", "--json"))["sustain"]
assert len(pieces) >= 5 and all(p["runs"] > 0 and p["median_us"] > 0 for p in pieces), pieces
assert "90s" in bench(CONV, "--sustain", "soon", code=2)

# The shadow check, and delegates' share.
shadowed = json.loads(bench(ADD, "--delegate", plugin, "--shadow", "10%", "--runs", 20, "--json"))
assert shadowed["shadow"]["checked"] >= 2 and shadowed["shadow"]["mismatches"] == 0, shadowed["shadow"]
bench(ADD, "--delegate", plugin, "--require-delegate", "95%", "--runs", 2)
bench(CONV, "--delegate", plugin, "--require-delegate", "95%", "--runs", 2, code=1)

# benchmark_model's flags and lines.
LINES = [r"INFO: STARTING!", r"INFO: Log parameter values verbosely: \[0\]", r"INFO: Min num runs: \[5\]", r"INFO: Num threads: \[2\]", r"INFO: Graph: \[.*0\.tflite\]",
         r"INFO: Enable op profiling: \[1\]", r"INFO: #threads used for CPU inference: \[2\]", r"INFO: Loaded model .*0\.tflite",
         r"INFO: Explicitly applied .* delegate, and the model graph will be completely executed by the delegate\.",
         r"INFO: The input model file size \(MB\): [\d.e-]+", r"INFO: Initialized session in [\d.]+ms\.",
         r"INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds\.", r"INFO: count=\d+ .*", r"",
         r"INFO: Running benchmark for at least 5 iterations and at least 0 seconds but terminate if exceeding 150 seconds\.",
         r"INFO: count=5 first=\d+ curr=\d+ min=\d+ max=\d+ avg=[\d.e+-]+ std=\d+ p5=\d+ median=\d+ p95=\d+", r"",
         r"INFO: Inference timings in us: Init: \d+, First inference: \d+, Warmup \(avg\): [\d.e+-]+, Inference \(avg\): [\d.e+-]+",
         r"INFO: Note: as the benchmark tool itself affects memory footprint, .*", r"INFO: Memory footprint delta from the start of the tool \(MB\): init=.* overall=.*",
         r"Operator-wise Profiling Info for Regular Benchmark Runs:"]
text = bench("--compat", f"--graph={ADD}", "--num_threads=2", "--num_runs=5", "--min_secs=0", "--warmup_min_secs=0", "--enable_op_profiling=true",
             f"--external_delegate_path={plugin}", "--external_delegate_options=split:1")
for found, wanted in zip(text.splitlines(), LINES):
    assert re.fullmatch(wanted, found), (found, wanted)
assert "[Node type]" in text and "Summary by node type" in text
quick = ["--compat", "--num_runs=2", "--min_secs=0", "--warmup_min_secs=0"]
assert "Disallowed CPU fallback" in bench(*quick, f"--graph={CONV}", f"--external_delegate_path={plugin}", "--require_full_delegation=true", code=1)
for wrong in ("--num_threads=x", "--num_runs=", "--min_secs=1s", "--run_delay=soon"):
    assert wrong[: wrong.index("=")] + ": expected a number" in bench(*quick, f"--graph={CONV}", wrong, code=2), wrong
for shape, words in (("1,x", "expected a number, found 'x'"), (",".join("1" * 9), "at most 8 dimensions")):
    assert words in bench(*quick, f"--graph={CONV}", "--input_layer=x", f"--input_layer_shape={shape}", code=2), shape
assert "no flag '--bogus=1'" in bench(*quick, f"--graph={CONV}", "--bogus=1", code=2)
assert "--use_xnnpack changes nothing" in bench(*quick, f"--graph={CONV}", "--use_xnnpack=true")
assert "unknown argument '--bogus'" in bench(CONV, "--bogus", code=2)
