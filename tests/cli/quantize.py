#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every scheme and every flag of `octet quantize`, and what `gate` says of the results, on the demo model and images
made here. Where ai_edge_litert is installed it judges the files: it loads each and agrees with octet.

Usage: quantize.py OCTET SOURCE_FOLDER WORK_FOLDER. Skipped (77) without numpy.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree
import zipfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)
try:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    Interpreter = None

from checks import expect, finish, run, source, work  # noqa: E402

MODEL = source / "examples/demo/model.keras"
CALIB, HOLDOUT, FLOAT = work / "calib.npz", work / "holdout.npz", work / "float.tflite"


def images(count, seed):
    """Strokes on black, as handwriting is: lines between random points, blurred."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count, 28, 28, 1), np.float32)
    for image in x[..., 0]:
        points = rng.integers(5, 23, (4, 2))
        for a, b in zip(points[:-1], points[1:]):
            for t in np.linspace(0, 1, 30):
                r, c = np.round(a + t * (b - a)).astype(int)
                image[r:r + 2, c:c + 2] = 1
        image[1:-1] = (image[:-2] + 2 * image[1:-1] + image[2:]) / 4
    return x


def outputs(model, x):
    np.savez(work / "in.npz", **{"0": x})
    done = run("run", model, "--in", work / "in.npz", "--out", work / "out.npz")
    if done.returncode:
        raise RuntimeError(done.stderr)
    return np.load(work / "out.npz")["0"]


def litert_outputs(model, x):
    try:
        interpreter = Interpreter(model_path=str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    except ValueError:  # Its reference kernels lack the newest versions.
        interpreter = Interpreter(model_path=str(model))
    detail, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(detail["index"], [1, 28, 28, 1])
    interpreter.allocate_tensors()
    found = []
    for image in x:
        interpreter.set_tensor(detail["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(end["index"])[0])
    return np.array(found)


def make_data():
    work.mkdir(parents=True, exist_ok=True)
    expect("convert", run("convert", MODEL, "-o", FLOAT).returncode == 0)
    for path, count, seed in ((CALIB, 64, 1), (HOLDOUT, 300, 2)):
        x = images(count, seed)
        np.savez(path, x=x, y=outputs(FLOAT, x).argmax(1))


def judged(what, model, least):
    """Agreement with float at least `least` percent; LiteRT agrees with octet."""
    x = np.load(HOLDOUT)["x"]
    got = json.loads(run("gate", FLOAT, model, "--data", HOLDOUT, "--max-drop", "100", "--json").stdout)
    expect(f"{what}: answers as float on {got['quantized']:.1f} %", got["quantized"] >= least)
    if Interpreter and np.load(HOLDOUT)["x"].dtype == np.float32:
        a, b = outputs(model, x[:20]), litert_outputs(model, x[:20])
        expect(f"{what}: LiteRT agrees, largest difference {np.abs(a - b).max():.3f}",
               a.shape == b.shape and np.abs(a - b).max() < 0.2 and (a.argmax(1) == b.argmax(1)).mean() >= 0.9)
    return got


def quantize(name, *flags, data=CALIB):
    out = work / f"{name}.tflite"
    out.unlink(missing_ok=True)
    done = run("quantize", MODEL, *(["--data", data] if data else []), "-o", out, *flags)
    if done.returncode or not out.exists():
        expect(f"{name}: {done.stderr.strip()[-200:]}", False)
        return None
    return out


def schemes():
    size = FLOAT.stat().st_size
    for name, flags, data, least, share in (
            ("int8", [], CALIB, 95, 0.6), ("int4", ["--scheme", "int4"], CALIB, 80, 0.5), ("int16x8", ["--scheme", "int16x8"], CALIB, 95, 0.65),
            ("float16", ["--scheme", "float16"], None, 99, 0.75), ("dynamic", ["--scheme", "dynamic"], None, 93, 0.75),
            ("int4_alone", ["--scheme", "int4"], None, 85, 0.75), ("effort", ["--effort", "high"], CALIB, 95, 0.6),
            ("per_tensor", ["--per-tensor"], CALIB, 90, 0.6), ("per_tensor_dense", ["--per-tensor-dense"], CALIB, 93, 0.6),
            ("int8_only", ["--int8-only"], CALIB, 95, 0.6)):
        out = quantize(name, *flags, data=data)
        if not out:
            continue
        judged(name, out, least)
        expect(f"{name}: {out.stat().st_size} bytes, at most {share} of {size}", out.stat().st_size <= share * size)
    for ranges, least in (("mse", 93), ("minmax", 95), ("percentile", 95), ("kl", 60), ("ema", 80)):  # The strokes make ties likely.
        out = quantize("ranges_" + ranges, "--ranges", ranges)
        if out:
            judged("ranges " + ranges, out, least)


def details(model):
    return json.loads(run("inspect", model, "--json").stdout)["subgraphs"][0]["tensors"]


def forms():
    scales = [len((t.get("quantization") or {}).get("scale") or []) for t in details(work / "per_tensor.tflite")]
    expect("--per-tensor: one scale per tensor", max(scales) == 1)
    for io, output in (("int8", "int8"), ("uint8", "uint8"), ("uint8", "float32"), ("float32", "int8")):
        out = quantize(f"io_{io}_{output}", "--io", io, *(["--output-type", output] if output != io else []))
        ends = json.loads(run("inspect", out, "--json").stdout)["subgraphs"][0]
        found = [ends["tensors"][ends[end][0]].get("type", "FLOAT32").lower() for end in ("inputs", "outputs")]
        expect(f"--io {io}, outputs {output}: the ends are", found == [io, output])
        gate = json.loads(run("gate", FLOAT, out, "--data", HOLDOUT, "--max-drop", "100", "--json").stdout)
        expect(f"--io {io}, outputs {output}: answers as float on {gate['quantized']:.1f} %, none in float",
               gate["quantized"] >= 95 and gate["float_operators"] == 0)
    out = quantize("io_int16", "--scheme", "int16x8", "--io", "int8")  # The ends of 16x8 are of 16 bits.
    gate = json.loads(run("gate", FLOAT, out, "--data", HOLDOUT, "--max-drop", "100", "--json").stdout)
    expect(f"--scheme int16x8 with integer ends: answers as float on {gate['quantized']:.1f} %", gate["quantized"] >= 95)


def states():
    """A layer that keeps its state: what writes it makes no tensor whose name a scheme could be chosen by."""
    model, data = source / "tests/importers/data/golden/recurrent_stateful.keras", work / "states.npz"
    np.savez(data, x=np.random.default_rng(5).normal(size=(12, 3, 4)).astype(np.float32))
    for scheme in ("int8", "int16x8", "int4"):
        outs = [work / f"states_{scheme}_{k}.tflite" for k in range(4)]
        done = [run("quantize", model, "--data", data, "-o", out, "--scheme", scheme).returncode for out in outs]
        expect(f"states in {scheme}: the same bytes every time", done == [0] * 4 and len({out.read_bytes() for out in outs}) == 1)


def integer_only():
    expect("inspect: int8 is integer only", "integer only" in run("inspect", work / "int8.tflite").stdout)
    expect("inspect: what computes in float is named", "computes in float: FULLY_CONNECTED" in run("inspect", work / "kept.tflite").stdout)


def layers():
    plain = json.loads(run("inspect", FLOAT, "--json").stdout)["subgraphs"][0]
    last = plain["tensors"][plain["operators"][-2]["outputs"][0]]["name"]
    told = json.loads(run("quantize", MODEL, "--data", CALIB, "-o", work / "kept.tflite", "--keep-float", last, "--json").stdout)
    expect(f"--keep-float {last}: named in the result", [n["reason"] for n in told["float_nodes"]] == ["kept in float on request"])
    largest = plain["tensors"][plain["operators"][-4]["outputs"][0]]["name"]
    for scheme in ("dynamic", "float16", "int4"):  # Of weights alone.
        sizes = []
        for flags in ((), ("--keep-float", largest)):
            done = run("quantize", MODEL, "-o", work / "weights.tflite", "--scheme", scheme, *flags)
            sizes.append((work / "weights.tflite").stat().st_size if done.returncode == 0 else 0)
        expect(f"--keep-float of {scheme} weights: {sizes}", 0 < sizes[0] < sizes[1])
    refused = run("quantize", MODEL, "--data", CALIB, "-o", work / "no.tflite", "--keep-float", "nowhere")
    expect("--keep-float of an unknown layer is refused", refused.returncode == 2 and "nowhere" in refused.stderr)
    lines, rules, long = work / "recipe.txt", work / "recipe.json", work / "long.keras"
    with zipfile.ZipFile(MODEL) as archive, zipfile.ZipFile(long, "w") as renamed:
        for entry in archive.namelist():
            renamed.writestr(entry, archive.read(entry).replace(b'"digit"', b'"digit' + b"x" * 300_000 + b'"'))
    lines.write_text(".* float16\n.*x+y? dynamic\n")
    done = run("quantize", long, "-o", work / "long.tflite", "--recipe", lines)
    expect("a search in a long name takes no more stack than there is", done.returncode == 0 and b"x" * 300_000 in (work / "long.tflite").read_bytes())
    lines.write_text(f"# all in four bits but the last\n.* int4\n{last} float16\n")
    out = quantize("recipe", "--recipe", lines)
    judged("recipe of lines", out, 80)
    expect("recipe of lines: int4 and float16 are there", {"INT4", "FLOAT16"} <= {t.get("type") for t in details(out)})
    wide = "(dw|pw)_[23] int16x8\n"
    lines.write_text(wide)
    out = quantize("recipe_16", "--recipe", lines, "--json")
    judged("16 bits for some layers, by recipe", out, 95)
    expect("16 bits for some layers: int8 and int16 are there, nothing computes in float",
           {"INT8", "INT16"} <= {t.get("type") for t in details(out)} and "integer only" in run("inspect", out).stdout)
    gate = json.loads(run("gate", FLOAT, quantize("recipe_16_io", "--recipe", lines, "--io", "int8"), "--data", HOLDOUT, "--max-drop", "100", "--json").stdout)
    expect(f"16 bits for some layers, int8 ends: answers as float on {gate['quantized']:.1f} %", gate["quantized"] >= 93 and gate["float_operators"] == 0)
    config = {"weight_tensor_config": {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}, "compute_precision": "INTEGER"}
    static = {**config, "activation_tensor_config": {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"}}
    rules.write_text(json.dumps([{"regex": ".*", "operation": "*", "algorithm_key": "min_max_uniform_quantize", "op_config": static},
                                 {"regex": ".*", "operation": "FULLY_CONNECTED", "algorithm_key": "min_max_uniform_quantize", "op_config": config}]))
    out = quantize("recipe_json", "--recipe", rules)
    judged("recipe of ai-edge-quantizer", out, 93)
    rules.write_text(json.dumps([{"regex": ".*", "operation": "CONV_2D", "algorithm_key": "min_max_uniform_quantize", "op_config": config}]))
    out = quantize("recipe_dynamic", "--recipe", rules, data=None)
    judged("dynamic range by recipe, without data", out, 93)
    lines.write_text("nowhere int4\n")
    refused = run("quantize", MODEL, "--data", CALIB, "-o", work / "no.tflite", "--recipe", lines)
    expect("a recipe's rule that fits nothing is refused", refused.returncode == 2 and "nowhere" in refused.stderr)


def search():
    out = work / "searched.tflite"
    done = run("quantize", MODEL, "--data", CALIB, "-o", out, "--holdout", HOLDOUT, "--max-drop", "3%")
    expect("--holdout: the first that holds is written", done.returncode == 0 and out.exists() and "passed" in done.stdout)
    bad, out = work / "bad.npz", work / "refused.tflite"
    out.unlink(missing_ok=True)
    np.savez(bad, x=np.load(CALIB)["x"] * 0.02)
    done = run("quantize", MODEL, "--data", bad, "-o", out, "--holdout", HOLDOUT, "--max-drop", "1%", "--ranges", "minmax")
    expect("--holdout: none holds, nothing is written, exit 1", done.returncode == 1 and not out.exists() and not pathlib.Path(f"{out}.candidate").exists())
    kept = run("quantize", MODEL, "--data", bad, "-o", out, "--holdout", HOLDOUT, "--max-drop", "1%", "--ranges", "minmax", "--write-anyway")
    expect("--write-anyway: written, but exit 1", kept.returncode == 1 and out.exists())
    expect("--holdout: says why and which layers", "outside" in done.stdout and "dB of signal to error" in done.stdout)


def weights_alone():
    """Nothing is calibrated, but what is said, gated and reported is the same."""
    out, few, page = work / "alone.tflite", work / "few.npz", work / "alone.html"
    held = np.load(HOLDOUT)
    np.savez(few, x=held["x"][:4], y=held["y"][:4])
    for scheme in ("float16", "dynamic"):
        out.unlink(missing_ok=True)
        told = run("quantize", MODEL, "--scheme", scheme, "-o", out, "--json")
        expect(f"{scheme}: --json", json.loads(told.stdout)["bytes"] == out.stat().st_size)
        out.unlink()
        done = run("quantize", MODEL, "--scheme", scheme, "-o", out, "--holdout", few)
        expect(f"{scheme}: --holdout gates, nothing is written", done.returncode == 1 and not out.exists() and "--scheme int8" in done.stdout)
        done = run("quantize", MODEL, "--scheme", scheme, "-o", out, "--holdout", HOLDOUT, "--max-drop", "10%", "--report", page)
        expect(f"{scheme}: --holdout holds, --report", done.returncode == 0 and out.exists() and "passed" in done.stdout and page.exists())


def gates():
    good = work / "int8.tflite"
    part = run("gate", FLOAT, good, "--data", HOLDOUT, "--samples", "50", "--max-drop", "100")
    expect("gate on a part says that it is none", "not a gate" in part.stdout)
    junit, markdown = work / "gate.xml", work / "gate.md"
    run("gate", FLOAT, good, "--data", HOLDOUT, "--max-drop", "100", "--junit", junit, "--markdown", markdown)
    case = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
    expect("gate --junit", case is not None and case.get("tests") == "1" and case.get("failures") == "0")
    expect("gate --markdown has the verdict and a table", "gate passed" in markdown.read_text() and "|--|" in markdown.read_text())
    for metric in ("top1", "top5", "recall", "f1", "auc", "cosine"):
        done = run("gate", FLOAT, good, "--data", HOLDOUT, "--metric", metric, "--max-drop", "100", "--json")
        told = json.loads(done.stdout)
        expect(f"gate --metric {metric}: {told['float']:.4g}, {told['quantized']:.4g}, drop in [{told['drop_low']:.2f}, {told['drop_high']:.2f}]",
               done.returncode == 0 and told["drop_low"] <= told["drop"] <= told["drop_high"] and (metric == "cosine" or told["float"] > 99))
    regression = work / "regression.npz"
    x = np.load(HOLDOUT)["x"]
    np.savez(regression, x=x, y=outputs(FLOAT, x) + 0.1)
    for metric in ("mae", "rmse"):
        told = json.loads(run("gate", FLOAT, good, "--data", regression, "--metric", metric, "--max-drop", "100", "--json").stdout)
        expect(f"gate --metric {metric}: float's is 0.1", abs(told["float"] - 0.1) < 1e-4 and abs(told["quantized"] - 0.1) < 0.05)


def main():
    make_data()
    schemes()
    forms()
    layers()
    states()
    integer_only()
    search()
    weights_alone()
    gates()
    return finish("LiteRT's answers (ai_edge_litert is missing)" if Interpreter is None else "")


if __name__ == "__main__":
    sys.exit(main())
