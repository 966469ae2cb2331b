#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reference pages of the interfaces, from the headers, stubs and sources that define them.

Usage: api_docs.py OUT_FOLDER      (docs/api; a page each for C, C++, Python, Java, operators and delegates from outside, telemetry, TensorFlow Lite's C)
"""
import ast
import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def words(comment):
    """A comment's text without its marks."""
    lines = [re.sub(r"^\s*(/\*+|\*/|\*|//+)\s?", "", line) for line in comment.splitlines()]
    text = "\n".join(line.rstrip().removesuffix("*/").rstrip() for line in lines).strip()
    text = text.replace("SPDX-License-Identifier: Apache-2.0", "")
    return re.sub(r"\{@link #?([^}]*)\}", r"`\1`", text).strip()


def pieces(source):
    """(comment, code) of a header: what stands together between empty lines, comments first."""
    comment, code = [], []
    depth = 0
    inside = False
    for line in source.splitlines():
        bare = line.strip()
        starts = bare.startswith(("/*", "//")) and depth == 0
        if inside or starts:
            if code:
                yield "\n".join(comment), "\n".join(code)
                comment, code = [], []
            comment.append(line)
            inside = ("/*" in bare or inside) and "*/" not in bare
            continue
        if bare.startswith(("#", 'extern "C"')) or (depth == 0 and bare in ("", "}")) or bare.startswith("namespace"):
            if code:
                yield "\n".join(comment), "\n".join(code)
            if code or bare == "":
                comment, code = [], []
            continue
        code.append(line)
        depth += line.count("{") - line.count("}")
    if code:
        yield "\n".join(comment), "\n".join(code)


def header_page(title, path, language, keep=lambda code: True):
    source = (REPOSITORY / path).read_text()
    opening = re.match(r"\s*(/\*.*?\*/|(?://[^\n]*\n)+)", source, re.S).group(1)
    lines = [f"# {title}", "", f"From `{path}`.", "", "```", words(opening), "```", ""]
    for comment, code in pieces(source[len(opening):]):
        if not keep(code):
            continue
        if comment:
            lines += [words(comment).replace("\n", " "), ""]
        lines += [f"```{language}", clean(code), "```", ""]
    return "\n".join(lines)


def clean(code):
    return re.sub(r"\b((?:OCTET_API|TFL_CAPI_EXPORT) )([^;]*)", lambda m: m[2].replace("\n" + " " * len(m[1]), "\n"), code)  # What is below keeps its place.


def cpp_page():
    """octet.hpp: what its classes offer, without bodies and private parts."""
    path = "include/octet/octet.hpp"
    source = (REPOSITORY / path).read_text()
    opening = re.match(r"(?://[^\n]*\n)+", source).group(0)
    source = re.sub(r"namespace internal \{.*?\}  // namespace internal\n", "", source, flags=re.S)
    lines = ["# C++", "", f"From `{path}`.", "", "```", words(opening), "```", ""]
    for match in re.finditer(r"((?://[^\n]*\n)+)((?:template <[^\n]*>\n)?(?:class|struct) [^\n]*\{\n)(.*?)\n\};\n", source, re.S):
        comment, head, body = match.groups()
        lines += ["## " + re.search(r"^(?:class|struct)(?: \[\[nodiscard\]\])? (\w+)", head, re.M).group(1), "", words(comment).replace("\n", " "), "",
                  "```cpp"]
        lines += list(public_members(body.split("\n private:")[0]))
        lines += ["```", ""]
    return "\n".join(lines)


def public_members(body):
    depth = 0
    for line in body.splitlines():
        bare = line.strip()
        if depth == 0 and bare and bare != "public:":
            declared = re.sub(r"\s*(:\s*\w+_?[({].*)?\{.*$", ";", bare) if "(" in bare and "{" in bare else bare
            yield declared
        depth += line.count("{") - line.count("}")


def python_page():
    lines = ["# Python", "", "From the package's stubs (`bindings/python/octet/*.pyi`) and its docstrings.", ""]
    for stub in sorted((REPOSITORY / "bindings/python/octet").glob("*.pyi")):
        if stub.stem == "__init__":
            continue
        module = ast.parse(stub.with_suffix(".py").read_text())
        documented = {}
        for node in ast.walk(module):
            for child in getattr(node, "body", []) if isinstance(node, (ast.Module, ast.ClassDef)) else []:
                if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                    documented[(getattr(node, "name", ""), child.name)] = ast.get_docstring(child)
        lines += [f"## octet.{stub.stem}", "", "```", ast.get_docstring(module) or "", "```", ""]
        for node in ast.parse(stub.read_text()).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
                lines += python_item(node, documented)
    return "\n".join(lines)


def python_item(node, documented):
    lines = [f"### {node.name}", "", documented.get(("", node.name)) or "", ""]
    if isinstance(node, ast.FunctionDef):
        return lines + ["```python", ast.unparse(node), "```", ""]
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            text = documented.get((node.name, member.name))
            lines.append(f"- `{ast.unparse(member).split(': ...')[0].splitlines()[-1].rstrip(':')}`" + (f": {text.splitlines()[0]}" if text else ""))
        elif isinstance(member, (ast.AnnAssign, ast.Assign)):
            lines.append(f"- `{ast.unparse(member)}`")
    return lines + [""]


def java_page():
    lines = ["# Java and Kotlin", "", "From `bindings/java/src`.", ""]
    root = REPOSITORY / "bindings/java/src"
    for path in sorted(root.rglob("*.java")):
        source = path.read_text()
        if not re.search(r"^public ", source, re.M):
            continue
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        document = re.search(r"/\*\*(.*?)\*/\s*(?:@[^\n]*\n)*public ", source, re.S)
        lines += [f"## {name}", "", words(document.group(1)).replace("\n", " ").replace("<p>", "") if document else "", "", "```java"]
        interface = re.search(r"^public (@)?interface", source, re.M)
        for match in re.finditer(r"^ {2,4}((?:public|static|default)[^;{=]*?\([^;{]*\)|[\w<>\[\], .]+ \w+\([^;{]*\)(?=;))", source, re.M):
            declared = " ".join(match.group(1).split())
            if declared.startswith("public") or interface:
                lines.append(declared + ";")
        lines += ["```", ""]
    return "\n".join(lines)


PAGES = {
    "c.md": lambda: header_page("C", "include/octet/octet.h", "c"),
    "cpp.md": cpp_page,
    "python.md": python_page,
    "java.md": java_page,
    "custom_op.md": lambda: header_page("Operators from outside", "include/octet/custom_op.h", "c"),
    "delegate.md": lambda: header_page("Delegates from outside", "include/octet/delegate.h", "c"),
    "telemetry.md": lambda: header_page("Telemetry", "include/octet/telemetry.h", "c"),
    "tflite_c.md": lambda: header_page("TensorFlow Lite's C interface", "include/tensorflow/lite/c/c_api.h", "c", lambda code: "typedef struct" not in code),
    "tflite_c_experimental.md": lambda: header_page("TensorFlow Lite's experimental C interface", "include/tensorflow/lite/c/c_api_experimental.h", "c"),
    "tflite_c_opaque.md": lambda: header_page("TensorFlow Lite's opaque C interface", "include/tensorflow/lite/c/c_api_opaque.h", "c"),
}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        text = re.sub(r"\n{3,}", "\n\n", page())
        (out / name).write_text(text.rstrip() + "\n")
    missing = [f for f in re.findall(r"(octet_\w+)\(", (REPOSITORY / "include/octet/octet.h").read_text()) if f not in (out / "c.md").read_text()]
    if missing:
        sys.exit(f"not in c.md: {missing}")


if __name__ == "__main__":
    main()
