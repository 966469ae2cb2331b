// SPDX-License-Identifier: Apache-2.0
#include "serve/served_model.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "delegates/load.h"
#include "serve/infer_request.h"
#include "serve/instance.h"
#include "serve/sha256.h"
#include "tflite/view.h"

namespace octet::serve {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t Nanos(Clock::duration d) { return static_cast<uint64_t>(std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(d).count())); }

// Names that requests use: the signature's, else the tensors', else positions.
std::string SpecName(std::string_view key, std::string_view tensor, std::string_view kind, int position, std::span<const TensorSpec> before) {
  const std::string_view name = key.empty() ? tensor : key;
  const bool taken = std::ranges::any_of(before, [&](const TensorSpec& s) { return s.name == name; });
  return name.empty() || taken ? std::string(kind) + "_" + std::to_string(position) : std::string(name);
}

Status CheckDType(const TensorSpec& spec, const ModelConfig& config) {
  if (!WireType(spec.dtype).empty()) return {};
  return Error(Code::kUnsupported, "model '%s': '%s' has elements of %s, which the Open Inference Protocol cannot carry", config.path.c_str(),
               spec.name.c_str(), std::string(NumpyName(spec.dtype)).c_str());
}

// By the type that most bytes of weights have and by that of what flows between operators.
std::string Precision(const runtime::Interpreter& interpreter) {
  std::map<DType, uint64_t> weights;
  bool int8 = false, int16 = false;
  for (int i = 0; i < interpreter.num_tensors(); ++i) {
    const runtime::TensorRef t = interpreter.tensor(i);
    const bool quantized = !t.type->quant.empty();
    if (t.constant) weights[t.type->dtype] += t.bytes;
    else int8 |= quantized && (t.type->dtype == DType::kI8 || t.type->dtype == DType::kU8), int16 |= quantized && t.type->dtype == DType::kI16;
  }
  const auto most = std::ranges::max_element(weights, {}, [](const auto& w) { return w.second; });
  const DType main = most == weights.end() ? DType::kF32 : most->first;
  if (main == DType::kI4) return "int4";
  if (int16) return "int16x8";
  if (int8) return "int8";
  if (main == DType::kI8 || main == DType::kU8) return "dynamic";
  return main == DType::kF16 ? "float16" : "float32";
}

}  // namespace

Shape Outputs::shape(int output) const {
  Shape shape = interpreter_->output(output).type->shape;
  if (rows_ > 1) shape[0] = 1;
  return shape;
}

std::span<const std::byte> Outputs::bytes(int output) const {
  const runtime::TensorRef t = interpreter_->output(output);
  const size_t each = static_cast<size_t>(t.bytes) / static_cast<size_t>(rows_);
  return {t.data + each * static_cast<size_t>(row_), each};
}

Result<std::shared_ptr<ServedModel>> ServedModel::Load(const ModelConfig& config) {
  std::shared_ptr<ServedModel> model(new ServedModel(config));
  OCTET_TRY(model->Open());
  return model;
}

ServedModel::ServedModel(ModelConfig config) : config_(std::move(config)) {}
ServedModel::~ServedModel() { Drain(); }

void ModelFacts::Describe(const std::vector<runtime::DelegateDetails>& details) {
  for (const runtime::DelegateDetails& d : details) {
    nodes = d.total_nodes;
    if (&d == &details.back()) break;  // The CPU.
    delegated += d.nodes;
    partitions += d.partitions;
    for (const auto& reason : d.reasons) fallback.emplace_back(reason.op, reason.text);
  }
}

Status ServedModel::Open() {
  OCTET_ASSIGN(delegates_, delegates::LoadAll({config_.delegate}));
  const Clock::time_point start = Clock::now();
  {
    OCTET_ASSIGN(const MappedFile mapped, MappedFile::Open(config_.path));
    file_.assign(mapped.bytes().begin(), mapped.bytes().end());
  }
  sha256_ = Sha256(file_);
  OCTET_ASSIGN(model_, runtime::Model::FromBytes(file_));
  facts_.load_ns = Nanos(Clock::now() - start);
  if (config_.signature.empty() && !model_->signatures().empty()) config_.signature = model_->signatures()[0];
  for (int i = 0; i < config_.instances; ++i) OCTET_TRY(AddInstance());
  OCTET_TRY(WatchInput());
  for (const auto& instance : instances_) instance->thread = std::thread([this, raw = instance.get()] { Work(*raw); });
  return {};
}

// Metadata that cannot be read promise nothing; the model runs without them.
Status ServedModel::WatchInput() {
  if (inputs_.size() != 1 || inputs_[0].dtype != DType::kF32) return {};
  OCTET_ASSIGN(const tflite::View view, tflite::View::Open(file_));
  const auto metadata = tflite::MetadataOf(view);
  if (!metadata.ok() || !*metadata || (*metadata)->inputs.size() != 1) return {};
  auto watch = std::make_unique<InputWatch>((*metadata)->inputs[0]);
  if (watch->promised()) input_watch_ = std::move(watch);
  return {};
}

// `rows` > 0: allocated for so many; 0: as the file says, not allocated.
Result<std::unique_ptr<runtime::Interpreter>> ServedModel::MakeInterpreter(int rows) const {
  runtime::Options options{.threads = config_.threads, .signature = config_.signature};
  options.memory_limit_bytes = config_.memory_bytes;
  options.delegates.list = delegates_;
  OCTET_ASSIGN(auto interpreter, runtime::Interpreter::Create(model_, options));
  if (rows == 0) return interpreter;
  for (int i = 0; rows > 1 && i < interpreter->num_inputs(); ++i) {
    Shape shape = interpreter->input(i).type->shape;
    if (shape.rank() == 0)
      return Error(Code::kInvalidArgument, "model '%s': batch=%d: input %d has no dimension for a batch", config_.name.c_str(), config_.max_batch, i);
    shape[0] = rows;
    OCTET_TRY(interpreter->Resize(i, shape));
  }
  OCTET_TRY(interpreter->Allocate());
  for (int i = 0; rows > 1 && i < interpreter->num_outputs(); ++i) {
    const runtime::TensorRef out = interpreter->output(i);
    if (out.type->shape.rank() == 0 || out.type->shape[0] != rows || out.type->dtype == DType::kString)
      return Error(Code::kInvalidArgument, "model '%s': batch=%d: output %d has the shape %s for %d rows, so rows cannot be told apart", config_.name.c_str(),
                   config_.max_batch, i, out.type->shape.text().c_str(), rows);
  }
  return interpreter;
}

Result<std::unique_ptr<runtime::Interpreter>> ServedModel::MakeReference() const {
  runtime::Options options{.threads = config_.threads, .kernels = runtime::Kernels::kReference, .signature = config_.signature};
  options.memory_limit_bytes = config_.memory_bytes;
  return runtime::Interpreter::Create(model_, options);
}

Status ServedModel::Describe(const runtime::Interpreter& interpreter) {
  const auto describe = [&](const runtime::TensorRef& t, std::string_view key, std::string_view kind, int i, std::vector<TensorSpec>* specs) -> Status {
    TensorSpec spec{SpecName(key, t.name, kind, i, *specs), t.type->dtype, t.signature.rank() == t.type->shape.rank() ? t.signature : t.type->shape};
    if (config_.max_batch > 1 && spec.shape.rank() > 0) spec.shape[0] = kUnknown;
    OCTET_TRY(CheckDType(spec, config_));
    specs->push_back(std::move(spec));
    return {};
  };
  for (int i = 0; i < interpreter.num_inputs(); ++i) OCTET_TRY(describe(interpreter.input(i), interpreter.input_key(i), "input", i, &inputs_));
  for (int i = 0; i < interpreter.num_outputs(); ++i) OCTET_TRY(describe(interpreter.output(i), interpreter.output_key(i), "output", i, &outputs_));
  facts_.precision = Precision(interpreter);
  for (int i = 0; i < interpreter.num_tensors(); ++i) has_state_ |= interpreter.tensor(i).variable || interpreter.tensor(i).type->dtype == DType::kResource;
  return {};
}

// Batch sizes: the powers of two below the largest, and the largest.
Status ServedModel::AddInstance() {
  auto instance = std::make_unique<Instance>();
  if (inputs_.empty() && outputs_.empty()) {
    OCTET_ASSIGN(const auto first, MakeInterpreter(0));
    OCTET_TRY(Describe(*first));
  }
  const bool free_shapes = std::ranges::any_of(inputs_, [](const TensorSpec& s) { return !s.shape.known(); });
  for (int rows = 1; rows <= config_.max_batch; rows = rows < config_.max_batch ? std::min(2 * rows, config_.max_batch) : rows + 1) {
    const Clock::time_point start = Clock::now();
    auto made = MakeInterpreter(rows);
    if (!made.ok() && free_shapes && config_.max_batch == 1) break;  // It may need larger shapes than the file's placeholders.
    if (!made.ok()) return std::move(made).status();
    for (int i = 0; i < (*made)->num_inputs(); ++i) {
      const runtime::TensorRef in = (*made)->input(i);
      if (in.data) std::memset(in.data, 0, in.bytes);
      else if (in.type->dtype == DType::kString)
        OCTET_TRY((*made)->SetStrings(i, WriteStrings(std::vector<StringRef>(static_cast<size_t>(in.type->shape.elements())))));
    }
    const Clock::time_point prepared = Clock::now();
    (void)(*made)->Invoke();  // So that no request pays for first touches. Zeros may be no valid input, of shapes say: requests will tell.
    if (rows == 1 && instances_.empty()) {
      facts_.prepare_ns = Nanos(prepared - start);
      facts_.first_ns = Nanos(Clock::now() - prepared);
      facts_.arena_bytes = (*made)->memory().arena_bytes;
      facts_.Describe((*made)->delegates());
    }
    instance->by_rows.emplace(rows, std::move(*made));
  }
  instances_.push_back(std::move(instance));
  return {};
}

int ServedModel::waiting() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(queue_.size());
}

int ServedModel::retry_after_seconds() const {
  const double each_ns = static_cast<double>(log_.invoke_ns_average.load(std::memory_order_relaxed));
  return std::clamp(static_cast<int>(each_ns * 1e-9 * waiting() / config_.instances) + 1, 1, 60);
}

Submitted ServedModel::Submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (draining_) return Submitted::kDraining;
    if (static_cast<int>(queue_.size()) >= config_.queue) {
      log_.Rejected();
      return Submitted::kFull;
    }
    job.enqueued = Clock::now();
    queue_.push_back(std::move(job));
  }
  config_.batch_wait_us > 0 ? changed_.notify_all() : changed_.notify_one();  // One that collects a batch would keep the call to itself.
  return Submitted::kQueued;
}

void ServedModel::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
  }
  changed_.notify_all();
  for (const auto& instance : instances_)
    if (instance->thread.joinable()) instance->thread.join();
}

bool ServedModel::IsRow(const Job& job) const {
  const runtime::Interpreter& one = *instances_[0]->by_rows.at(1);
  return std::ranges::all_of(job.inputs, [&](const BoundInput& in) { return one.input(in.index).type->shape == in.shape; });
}

// The next jobs to run as one; none when there is nothing left to drain.
std::vector<Job> ServedModel::Take() {
  const auto limit = static_cast<size_t>(config_.max_batch);
  std::unique_lock lock(mutex_);
  size_t rows = 0;
  while (rows == 0) {
    changed_.wait(lock, [&] { return !queue_.empty() || draining_; });
    if (queue_.empty()) return {};
    if (limit > 1 && config_.batch_wait_us > 0)
      changed_.wait_for(lock, std::chrono::microseconds(config_.batch_wait_us), [&] { return queue_.size() >= limit || draining_; });
    while (rows < std::min(limit, queue_.size()) && (limit == 1 || IsRow(queue_[rows]))) ++rows;
    if (rows == 0 && !queue_.empty()) rows = 1;  // A shape of its own; nothing at all where another instance was faster.
  }
  if (rows < limit) rows = std::bit_floor(rows);
  std::vector<Job> jobs;
  for (; rows > 0; --rows) {
    jobs.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return jobs;
}

void ServedModel::Work(Instance& instance) {
  while (true) {
    std::vector<Job> jobs = Take();
    if (jobs.empty()) return;
    const Clock::time_point now = Clock::now();
    for (Job& job : jobs) {  // Batches are of one size, so a job that waited too long ends alone only when it is alone.
      if (jobs.size() > 1 || job.deadline >= now) continue;
      log_.Expired();
      job.done(Error(Code::kCancelled, "the request waited in the queue for longer than its timeout"), nullptr);
      jobs.clear();
      break;
    }
    if (!jobs.empty()) Run(instance, jobs);
  }
}

Status CopyInputs(const Job& job, size_t row, runtime::Interpreter& interpreter) {
  for (const BoundInput& in : job.inputs) {
    const runtime::TensorRef to = interpreter.input(in.index);
    if (to.type->dtype == DType::kString) OCTET_TRY(interpreter.SetStrings(in.index, in.bytes));
    else if (!in.bytes.empty()) std::memcpy(to.data + in.bytes.size() * row, in.bytes.data(), in.bytes.size());
  }
  return {};
}

// Copies in and invokes; *failed names the step that an error is of.
Status ServedModel::Compute(Instance& instance, const std::vector<Job>& jobs, runtime::Interpreter** interpreter, Clock::time_point* copied,
                            std::string_view* failed) {
  *failed = "prepare";
  OCTET_ASSIGN(*interpreter, instance.For(*this, jobs));
  if (has_state_) OCTET_TRY((*interpreter)->Restart());
  *failed = "input";
  for (size_t row = 0; row < jobs.size(); ++row) OCTET_TRY(CopyInputs(jobs[row], row, **interpreter));
  *copied = Clock::now();
  *failed = "invoke";
  return instance.Invoke(log_, **interpreter);
}

void ServedModel::Run(Instance& instance, std::vector<Job>& jobs) {
  const Clock::time_point start = Clock::now();
  Clock::time_point copied = start;
  runtime::Interpreter* interpreter = nullptr;
  std::string_view failed;
  const Status status = Compute(instance, jobs, &interpreter, &copied, &failed);
  const Clock::time_point invoked = Clock::now();
  if (status.ok()) log_.Executed(Nanos(invoked - copied));
  const int rows = static_cast<int>(jobs.size());
  for (int row = 0; row < rows; ++row) {
    const Job& job = jobs[static_cast<size_t>(row)];
    if (!status.ok()) {
      log_.Failed(failed);
      job.done(status, nullptr);
      continue;
    }
    const Clock::time_point before = Clock::now();
    const Outputs outputs(interpreter, row, rows);
    job.done(status, &outputs);
    const Clock::time_point end = Clock::now();
    log_.Done({Nanos(start - job.enqueued), Nanos(copied - start), Nanos(invoked - copied), Nanos(end - before), Nanos(end - job.received)});
  }
  for (const Job& job : jobs)
    if (input_watch_ && status.ok()) input_watch_->Look(job.inputs[0].bytes);  // The answers are on their way.
  if (status.ok() && config_.shadow > 0 && instance.served++ % static_cast<uint64_t>(config_.shadow) == 0)
    Compare(instance, jobs[0], Outputs(interpreter, 0, rows));
}

// The answer is on its way; only the next request waits for this.
void ServedModel::Compare(Instance& instance, const Job& job, const Outputs& served) {
  if (!instance.shadow) {
    auto reference = MakeReference();
    if (!reference.ok()) return log_.Failed("shadow");
    instance.shadow = std::make_unique<Shadow>(std::move(*reference), config_.delegate == "cpu");
  }
  const auto agrees = instance.shadow->Agrees(job, served);
  if (agrees.ok()) log_.Shadow(*agrees);
  else log_.Failed("shadow");
}

}  // namespace octet::serve
