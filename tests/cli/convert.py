# SPDX-License-Identifier: Apache-2.0
"""check, convert and diagnose on sources: Flex operators, custom layers by a file, parity, older runtimes, damaged files."""
import json
import random
import shutil
import zipfile

from checks import expect, finish, run, source, sys, work
from demo_data import npy  # noqa: E402 (checks adds its folder)

DATA = source / "tests/importers/data"


def flex():
    model, out = DATA / "flex", work / "flex.tflite"
    out.unlink(missing_ok=True)
    refused = run("convert", model, "-o", out)
    expect("without --allow-flex the ops are refused by name", refused.returncode == 3 and "Dawsn" in refused.stderr and not out.exists())
    check = json.loads(run("check", model, "--json").stdout)
    expect("check says what Flex could keep", not check["converts"] and sorted(f["class"] for f in check["findings"]) == ["Dawsn"] and all(f["flex"] for f in check["findings"]))
    expect("check --allow-flex finds nothing", run("check", model, "--allow-flex").returncode == 0)
    kept = run("convert", model, "-o", out, "--allow-flex", "--json")
    summary = json.loads(kept.stdout) if kept.returncode == 0 else {}
    expect("with it they are kept", kept.returncode == 0 and summary["histogram"].get("FlexDawsn") == 1 and len(summary["flex"]) == 1)
    expect("and said", "stayed TensorFlow's own" in kept.stderr and "Dawsn" in kept.stderr)
    codes = [c.get("custom_code") for c in json.loads(run("inspect", out, "--json").stdout)["operator_codes"]]
    expect("the file names them as TensorFlow does", "FlexDawsn" in codes)
    refused, again = (run("convert", out, "-o", work / "flex_again.tflite", *flags) for flags in ([], ["--allow-flex"]))
    expect("a .tflite with such ops is refused, too", refused.returncode == 3 and "Dawsn" in refused.stderr)
    expect("or converted to itself", again.returncode == 0 and "Dawsn" in again.stderr and (work / "flex_again.tflite").read_bytes() == out.read_bytes())
    frozen = run("convert", DATA / "lu.pb", "-o", work / "lu.tflite", "--allow-flex")
    expect("a frozen graph does not say enough", frozen.returncode == 3 and "as TensorFlow's own operator" in frozen.stderr)


def texts():
    model, out = DATA / "golden/texts.keras", work / "texts.tflite"
    check = run("check", model, "--json")
    found = json.loads(check.stdout)
    expect("check names TensorFlow's operators that octet has", check.returncode == 0 and found["converts"] and found["tensorflow_operators"].get("FlexStringSplitV2", 0) > 1)
    done = run("convert", model, "-o", out, "--json")
    summary = json.loads(done.stdout) if done.returncode == 0 else {}
    expect("convert needs no flag for them", summary.get("tensorflow_operators") == found["tensorflow_operators"] and summary.get("flex") == [])
    expect("and says what LiteRT needs", done.stderr.count("Flex delegate") == 1 and "FlexStringToHashBucketStrong" in done.stderr)
    codes = [c.get("custom_code") for c in json.loads(run("inspect", out, "--json").stdout)["operator_codes"]]
    expect("the file names them as TensorFlow does", {"FlexStringLower", "FlexStringNGrams", "FlexSparseCross"} <= set(codes))


def layers():
    spec = DATA / "custom_layers.json"
    for name in ("custom.keras", "custom.h5"):
        out = work / (name + ".tflite")
        plain = run("check", DATA / name)
        expect(f"{name}: custom classes are refused with the way out", plain.returncode == 3 and "--layers" in plain.stdout and plain.stdout.count("custom class") == 4)
        expect(f"{name}: check --layers", run("check", DATA / name, "--layers", spec).returncode == 0)
        done = run("convert", DATA / name, "-o", out, "--layers", spec)
        expect(f"{name}: convert --layers", done.returncode == 0)
        parity = run("diagnose", DATA / name, out, "--layers", spec)
        expect(f"{name}: parity", parity.returncode == 0)
        given = work / "custom_in.npz"
        with zipfile.ZipFile(DATA / "custom.npz") as golden, zipfile.ZipFile(given, "w") as archive:
            archive.writestr("x.npy", golden.read("x.npy"))
        ran = run("run", out, "--in", given, "--out", work / "custom_out.npz")
        expect(f"{name}: runs", ran.returncode == 0)
    given = json.loads(spec.read_text())
    for says, change in (("no 'alpha'", lambda s: s["acme>Scale"]["body"].__setitem__(1, {"name": "halved", "op": "mul", "inputs": ["scaled", "$beta"]})),
                         ("no operator of .tflite is named 'MUL'", lambda s: s["acme>Scale"]["body"][0].__setitem__("op", "MUL")),
                         ("nothing is named 'delta'", lambda s: s["acme>Scale"]["body"][2].__setitem__("inputs", ["halved", "delta"])),
                         ("no variable for 'more'", lambda s: s["acme>Scale"]["weights"].append("more")),
                         ("has no attribute 'keepdims'; it has: keep_dims", lambda s: s["acme>SumAndDifference"]["body"][2].__setitem__("attributes", {"keepdims": True})),
                         ("it names 1 inputs", lambda s: s["acme>SumAndDifference"].__setitem__("inputs", ["a"])),
                         ("has no body", lambda s: s["Gated"].__setitem__("body", []))):
        bad = json.loads(json.dumps(given))
        change(bad)
        path = work / "bad_layers.json"
        path.write_text(json.dumps(bad))
        done = run("convert", DATA / "custom.keras", "-o", work / "bad.tflite", "--layers", path)
        says = says.replace("'alpha'", "'beta'")
        expect(f"a mistake in the file: {says}", done.returncode == 2 and says in done.stderr and not (work / "bad.tflite").exists())


def output_names():
    """The names are the source's, with the slashes and colons of TensorFlow's scopes; ones that lead elsewhere when unpacked stay positions."""
    model, given, out = work / "running_sum.tflite", work / "running_sum_in.npz", work / "running_sum_out.npz"
    with zipfile.ZipFile(given, "w") as archive:
        archive.writestr("x.npy", npy("f", (4, 2), [1.0] * 8))
    done = [run("convert", DATA / "running_sum.pb", "-o", model), run("run", model, "--in", given, "--out", out)]
    expect("outputs are written under positions and names", [r.returncode for r in done] == [0, 0] and zipfile.ZipFile(out).namelist() == ["0.npy", "scan/while:4.npy"])
    whole = model.read_bytes()
    for name in ("../n/while:4", "/can/while:4", "c:an/while:4", "scan\\while:4", "scan/whil/.."):  # All as long as the source's.
        model.write_bytes(whole.replace(b"scan/while:4", name.encode()))
        ran = run("run", model, "--in", given, "--out", out)
        expect(f"not under {name}", ran.returncode == 0 and zipfile.ZipFile(out).namelist() == ["0.npy"])
    with zipfile.ZipFile(given, "w") as archive:
        archive.writestr("x.npy", npy("f", (1,), [1.0]))
    done = [run("convert", DATA / "counter", "-o", model), run("run", model, "--signature", "serving_default", "--in", given, "--out", out)]
    expect("a signature's outputs also under its keys", [r.returncode for r in done] == [0, 0] and zipfile.ZipFile(out).namelist()[:2] == ["0.npy", "total.npy"])


def parity():
    model, good, broken = DATA / "nested.keras", work / "nested.tflite", work / "broken.tflite"
    expect("convert", run("convert", model, "-o", good).returncode == 0)
    agreed = run("diagnose", model, good)
    expect("octet's own file agrees", agreed.returncode == 0 and "no layer differs" in agreed.stdout)
    data = bytearray(good.read_bytes())
    weights = json.loads(run("diagnose", model, good, "--json").stdout)["models"][0]
    expect("as JSON", weights["agrees"] and len(weights["layers"]) > 3)
    # Weights are aligned buffers: the first one with a run of equal floats belongs to a layer in the middle.
    victim = next(i for i in range(64, len(data) - 16, 4) if data[i:i + 4] == data[i + 4:i + 8] == data[i + 8:i + 12] == b"\x00\x00\x40\x40")
    data[victim:victim + 4] = b"\x00\x00\xc8\x42"
    broken.write_bytes(data)
    differs = run("diagnose", model, broken, "--json")
    found = json.loads(differs.stdout)["models"][0]
    first = [row["layer"] for row in found["layers"] if row["differs"]][:1]
    expect("a broken weight is found, and its layer named", differs.returncode == 1 and not found["agrees"] and [found["first_difference"]] == first)
    expect("the layers before it agree", all(not row["differs"] for row in found["layers"][:[r["layer"] for r in found["layers"]].index(first[0])]))
    expect("a tolerance lets it pass", run("diagnose", model, broken, "--tolerance", "100%").returncode == 0 or found["layers"][-1]["difference"] > found["layers"][-1]["largest"])


def older_runtimes():
    model = DATA / "golden"
    keras = next(iter(sorted(model.rglob("*.keras"))), DATA / "sequential.keras")
    out = work / "old.tflite"
    out.unlink(missing_ok=True)
    old = run("convert", keras, "-o", out, "--target-runtime", "1.4")
    expect("an older runtime is refused by operator and place", old.returncode == 3 and "version" in old.stderr and "needs" in old.stderr and not out.exists())
    expect("a newer one is fine", run("convert", keras, "-o", out, "--target-runtime", "2.21").returncode == 0)
    expect("what is no release", run("convert", keras, "-o", out, "--target-runtime", "new").returncode == 2)


def damaged():
    """Cut and bent sources end in a clear error and leave nothing behind."""
    rng = random.Random(1)
    bad = 0
    for name in ("sequential.keras", "nested_k2.h5", "running_sum.pb", "twins", "onnx"):
        path = DATA / name
        if name == "onnx":
            path = sorted(path.glob("*.onnx"))[0]
        folder = path.is_dir()
        copy = work / ("damaged" + path.suffix)
        if folder:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(path, copy)
        whole = (path / "saved_model.pb" if folder else path).read_bytes()
        for turn in range(12):
            data = bytearray(whole)
            if turn % 3 == 0:
                del data[rng.randrange(len(data)):]
            else:
                for _ in range(1 + turn):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            (copy / "saved_model.pb" if folder else copy).write_bytes(data)
            out = work / "damaged_out.tflite"
            out.unlink(missing_ok=True)
            check, convert = run("check", copy), run("convert", copy, "-o", out)
            good = check.returncode in (0, 2, 3) and convert.returncode in (0, 2, 3) and (convert.returncode == 0) == out.exists()
            good = good and (convert.returncode == 0 or len(convert.stderr) > 20) and (check.returncode == 3) == (convert.returncode == 3)
            bad += not good
            if not good:
                print(f"{name} turn {turn}: check {check.returncode}, convert {convert.returncode}: {convert.stderr[:200]}")
    expect("damaged sources are errors, no more", bad == 0)


if __name__ == "__main__":
    work.mkdir(parents=True, exist_ok=True)
    flex()
    texts()
    layers()
    output_names()
    parity()
    older_runtimes()
    damaged()
    sys.exit(finish())
