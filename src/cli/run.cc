// SPDX-License-Identifier: Apache-2.0
// octet run MODEL --in IN.npz --out OUT.npz.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <set>

#include "base/file.h"
#include "base/float16.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/delegates.h"
#include "cli/output.h"
#include "cli/source.h"
#include "data/npz.h"
#include "runtime/interpreter.h"
#include "runtime/op_library.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string model, in, out, signature, kernels = "fast";
  std::vector<std::string> ops;
  int threads = 1, max_calls = 0;
  DelegateFlags delegates;
  bool json = false;
};

// Keys are positions, tensor names or signature keys.
Result<int> FindInput(const runtime::Interpreter& interpreter, const std::string& key, const std::string& path) {
  if (!key.empty() && std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; }) && key.size() < 6) {
    const int position = std::stoi(key);
    if (position < interpreter.num_inputs()) return position;
  }
  const int found = interpreter.FindInput(key);
  if (found >= 0) return found;
  std::string names;
  for (int i = 0; i < interpreter.num_inputs(); ++i) names += (i ? ", " : "") + Format("%d or '", i) + std::string(interpreter.input(i).name) + "'";
  return Error(Code::kInvalidArgument, "'%s': the model has no input '%s'; expected %s", path.c_str(), key.c_str(), names.c_str());
}

// numpy's texts are padded with zeros to one width; those of numpy's unicode become UTF-8.
Status SetStrings(runtime::Interpreter& interpreter, int input, const data::Array& array) {
  std::vector<std::string> texts;
  for (size_t at = 0; at + array.item_bytes <= array.bytes.size() && static_cast<int64_t>(texts.size()) < array.shape.elements(); at += array.item_bytes) {
    std::string& text = texts.emplace_back();
    if (array.unicode) {
      for (size_t i = 0; i < array.item_bytes; i += 4) {
        int32_t rune = 0;
        std::memcpy(&rune, array.bytes.data() + at + i, 4);
        char character[4];
        text.append(character, EncodeUtf8(rune, character));
      }
    } else {
      text.assign(reinterpret_cast<const char*>(array.bytes.data()) + at, array.item_bytes);
    }
    text.erase(text.find_last_not_of('\0') + 1);
  }
  std::vector<StringRef> refs;
  for (const std::string& text : texts) refs.push_back({text.data(), text.size()});
  return interpreter.SetStrings(input, WriteStrings(refs));
}

// The rank is the model's; where the model says which dimensions are free, the others are fixed.
bool ShapeFits(const Shape& array, const Shape& signature) {
  if (array.rank() != signature.rank()) return false;
  for (int i = 0; !signature.known() && i < array.rank(); ++i)
    if (signature[i] != kUnknown && signature[i] != array[i]) return false;
  return true;
}

Status CheckArray(const data::Array& array, const runtime::TensorRef& input, const std::string& path) {
  if (array.dtype != input.type->dtype)
    return Error(Code::kInvalidArgument, "'%s': expected %s for input '%s', found %s", path.c_str(), std::string(NumpyName(input.type->dtype)).c_str(),
                 std::string(input.name).c_str(), std::string(NumpyName(array.dtype)).c_str());
  if (!ShapeFits(array.shape, input.signature))
    return Error(Code::kInvalidArgument, "'%s': expected the shape %s for input '%s', found %s", path.c_str(), input.signature.text().c_str(),
                 std::string(input.name).c_str(), array.shape.text().c_str());
  return {};
}

Status SetInputs(runtime::Interpreter& interpreter, const data::Archive& archive, const std::string& path) {
  std::vector<const data::Array*> arrays(interpreter.num_inputs(), nullptr);
  for (const data::Array& array : archive.arrays()) {
    if (interpreter.num_inputs() == 1 && (array.name == "x" || array.name == "y")) {  // A data set's names.
      if (array.name == "x") arrays[0] = &array;
      continue;
    }
    OCTET_ASSIGN(const int i, FindInput(interpreter, array.name, path));
    arrays[i] = &array;
  }
  for (int i = 0; i < interpreter.num_inputs(); ++i) {
    if (!arrays[i])
      return Error(Code::kInvalidArgument, "'%s': the array for input %d, '%s', is missing", path.c_str(), i, std::string(interpreter.input(i).name).c_str());
    OCTET_TRY(CheckArray(*arrays[i], interpreter.input(i), path));
    OCTET_TRY(interpreter.Resize(i, arrays[i]->shape));
  }
  OCTET_TRY(interpreter.Allocate());
  for (int i = 0; i < interpreter.num_inputs(); ++i) {
    const runtime::TensorRef to = interpreter.input(i);
    if (to.type->dtype == DType::kString) {
      OCTET_TRY(SetStrings(interpreter, i, *arrays[i]));
      continue;
    }
    if (to.bytes != arrays[i]->bytes.size()) return Error(Code::kInvalidArgument, "input %d needs %llu bytes", i, static_cast<unsigned long long>(to.bytes));
    if (to.bytes > 0) std::memcpy(to.data, arrays[i]->bytes.data(), to.bytes);
  }
  return {};
}

// All of one width, as numpy wants it.
Status PadStrings(const runtime::Interpreter& interpreter, int output, data::Array* array, std::vector<std::byte>* padded) {
  OCTET_ASSIGN(const std::vector<std::byte> strings, interpreter.Strings(output));
  std::vector<StringRef> refs(static_cast<size_t>(array->shape.elements()));
  ReadStrings(strings, refs.data());
  size_t width = 1;
  for (const StringRef& r : refs) width = std::max(width, r.size);
  padded->resize(width * refs.size());
  for (size_t i = 0; i < refs.size(); ++i)
    if (refs[i].size > 0) std::memcpy(padded->data() + i * width, refs[i].data, refs[i].size);
  array->item_bytes = static_cast<uint32_t>(width);
  array->bytes = *padded;
  return {};
}

// numpy has no bfloat16; float32 holds its numbers.
void Widen(data::Array* array, std::vector<std::byte>* wide) {
  wide->resize(2 * array->bytes.size());
  for (size_t i = 0; i < array->bytes.size() / 2; ++i) {
    uint16_t half;
    std::memcpy(&half, array->bytes.data() + 2 * i, 2);
    const float f = BF16ToF32(half);
    std::memcpy(wide->data() + 4 * i, &f, 4);
  }
  array->dtype = DType::kF32;
  array->item_bytes = 4;
  array->bytes = *wide;
}

// Whether unpacking a member of this name stays below the folder it is unpacked in, on every system.
bool StaysInside(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string::npos || (name.size() > 1 && name[1] == ':')) return false;
  return ("/" + name + "/").find("/../") == std::string::npos;
}

// Under positions and, where no other array has the name, under signature keys and names; a name of digits would look like a position.
Status WriteOutputs(const runtime::Interpreter& interpreter, const std::string& path) {
  std::vector<data::Array> arrays;
  std::deque<std::vector<std::byte>> texts;
  std::set<std::string> names;
  const auto add = [&](std::string name, int output) -> Status {
    if (!names.insert(name).second) return {};
    const runtime::TensorRef t = interpreter.output(output);
    data::Array array;
    array.name = std::move(name);
    array.dtype = t.type->dtype;
    array.shape = t.type->shape;
    array.item_bytes = static_cast<uint32_t>(BitsOf(t.type->dtype) / 8);
    array.bytes = {t.data, t.bytes};
    if (array.dtype == DType::kString) OCTET_TRY(PadStrings(interpreter, output, &array, &texts.emplace_back()));
    if (array.dtype == DType::kBF16) Widen(&array, &texts.emplace_back());
    arrays.push_back(std::move(array));
    return {};
  };
  for (int i = 0; i < interpreter.num_outputs(); ++i) OCTET_TRY(add(std::to_string(i), i));
  const auto add_name = [&](std::string_view view, int output) -> Status {
    const std::string name(view);
    const bool number = name.find_first_not_of("0123456789") == std::string::npos;
    return StaysInside(name) && !number ? add(name, output) : Status();
  };
  for (int i = 0; i < interpreter.num_outputs(); ++i) OCTET_TRY(add_name(interpreter.output_key(i), i));
  for (int i = 0; i < interpreter.num_outputs(); ++i) OCTET_TRY(add_name(interpreter.output(i).name, i));
  return data::WriteNpz(path, arrays);
}

// Who computed what: on stderr for people, on stdout as data.
void Tell(const runtime::Interpreter& interpreter, bool json) {
  const std::vector<runtime::DelegateDetails> details = interpreter.delegates();
  if (!json) {
    Print(stderr, "%s", (DelegatesText(details) + ShadowText(interpreter.shadow())).c_str());
    return;
  }
  report::Json j;
  j.Object().Key("delegates");
  WriteDelegates(j, details);
  if (interpreter.shadow().checked > 0) WriteShadow(j.Key("shadow"), interpreter.shadow());
  std::printf("%s\n", j.End().text().c_str());
}

Result<int> RunModel(const Flags& f) {
  OCTET_TRY(CheckWritable(f.out));
  for (const std::string& library : f.ops) OCTET_TRY(runtime::LoadOps(library));
  OCTET_ASSIGN(const auto model, OpenModel(f.model, f.delegates));
  OCTET_ASSIGN(const auto archive, data::Archive::Open(f.in));
  runtime::Options options{.threads = f.threads, .signature = f.signature};
  if (f.max_calls > 0) options.max_calls = f.max_calls;
  options.kernels = f.kernels == "reference" ? runtime::Kernels::kReference : runtime::Kernels::kFast;
  OCTET_ASSIGN(options.delegates, LoadDelegates(f.delegates));
  OCTET_ASSIGN(const auto interpreter, runtime::Interpreter::Create(model, options));
  OCTET_TRY(SetInputs(*interpreter, *archive, f.in));
  OCTET_TRY(WarnAboutInput(f.model, *archive, f.in));
  OCTET_TRY(interpreter->Invoke());
  WarnOfDenials(f.delegates, interpreter->delegates());
  OCTET_TRY(CheckRequired(f.delegates, interpreter->delegates()));
  OCTET_TRY(WriteOutputs(*interpreter, f.out));
  Tell(*interpreter, f.json);
  return kYes;
}

}  // namespace

Body DeclareRun(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("model", &f->model, "A .tflite file");
  flags.Option("--in", &f->in, "Inputs (.npz): keys are input names, signature keys or positions", true);
  flags.Option("--out", &f->out, "Where outputs go (.npz), under positions, signature keys and names", true);
  flags.Option("--signature", &f->signature, "Which signature to run", false);
  flags.Option("--threads", &f->threads, "Threads, this one included", 1);
  flags.Choice("--kernels", &f->kernels, {"fast", "reference"}, "Which kernels compute; integers are the same bits either way");
  flags.Option("--ops", &f->ops, "Libraries of custom operators (octet/custom_op.h)");
  DeclareDelegates(flags, &f->delegates);
  flags.Flag("--json", &f->json, "Who computed what, as JSON");
  flags.Option("--max-calls", &f->max_calls, "Rounds of loops and calls of subgraphs before it gives up");
  return [f] { return RunModel(*f); };
}

}  // namespace octet::cli
