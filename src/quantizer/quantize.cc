// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantize.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "exporter/exporter.h"
#include "passes/calls.h"
#include "passes/flatten_volumes.h"
#include "passes/merge_duplicates.h"
#include "passes/multiply_negations.h"
#include "passes/pass.h"
#include "passes/split_squares.h"
#include "passes/split_sums.h"
#include "passes/visible_ranges.h"
#include "passes/zero_biases.h"
#include "quantizer/beside_float.h"
#include "quantizer/causes.h"
#include "quantizer/correct_bias.h"
#include "quantizer/even_inputs.h"
#include "quantizer/input_check.h"
#include "quantizer/lone_samples.h"
#include "quantizer/output_error.h"
#include "quantizer/recurrent_states.h"
#include "quantizer/refine_ranges.h"
#include "quantizer/roles.h"
#include "quantizer/round_weights.h"
#include "quantizer/sensitivity.h"
#include "quantizer/session.h"
#include "quantizer/statistics_cache.h"
#include "quantizer/tensor_ranges.h"

namespace octet::quantizer {
namespace {

constexpr int64_t kFewest = 16;             // Below it there is nothing to hold back: fit and score on all.
constexpr int64_t kChoosing = 200;          // Samples that choices are made on, half and half, spread over the set.
constexpr int64_t kChoosingDear = 20;       // The same where one pass over all samples takes seconds.
constexpr float kEven = 3;                  // Largest over median channel below which equalising a dear model is not tried.
constexpr double kEqualTolerance = 1e-4;    // Equalisation must not change float outputs by more, relative.
constexpr int64_t kVerifySamples = 8;
constexpr double kEnoughDb = 25;            // Signal to noise of the outputs at which no more operators stay in float.
constexpr double kFineDb = 30;              // The same where nothing is cut off: at this one more bits are of no use.
constexpr double kNothingDb = 3;            // Below it signal to noise tells nothing.
constexpr double kDoubtfulDb = 16;          // Below it the user is told.
constexpr int kInt16Operators = 8;          // Times as many may be left in 16x8, which stays integer and keeps the file's size.
constexpr double kWorthDb = 3;              // What leaving any in float or in 16 bits must gain: half the noise,
constexpr double kWorthShare = 0.5;         // or, in float, this part of what lacks to kEnoughDb,
constexpr double kLeastWorthDb = 1;         // but no less than that.
constexpr int64_t kRounds = 64;             // Of a loop, where costs are counted.
constexpr int64_t kSensitivityMacs = 5'000'000'000, kFewestSensitivity = 8;
constexpr int64_t kCheapMacs = 20'000'000'000;
constexpr double kWorthRange = 0.02;        // Decibels that another range of one tensor must gain.
constexpr int64_t kRefineRuns = 120;        // Trials of RefineRanges, about.

struct Prepared {
  graph::Model model;
  std::optional<TensorRanges> ranges;
  std::vector<EqualizedSpace> equalized;
  double difference = 0;
};

double LargestRelativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0, largest = 1e-9;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return worst / largest;
}

// The scale of every computed tensor of this type, by the float tensor's name.
std::map<std::string, Quant> ScalesOf(const graph::Model& quantized, DType type) {
  std::map<std::string, Quant> scales;
  for (const graph::Tensor& t : quantized.main().tensors()) {
    if (t.constant || t.type.dtype != type || t.type.quant.empty()) continue;
    std::string_view name = t.name;
    if (name.ends_with(kInt8Suffix)) name.remove_suffix(kInt8Suffix.size());
    scales[std::string(name)] = t.type.quant;
  }
  return scales;
}

class Quantizer {
 public:
  Quantizer(graph::Model model, const data::Dataset& data, const QuantizeOptions& options, const Progress& progress)
      : model_(std::move(model)), data_(data), options_(options), progress_(progress) {
    MakeNamesUnique(model_);
    CountCosts();
    result_.samples = options.max_samples > 0 ? std::min(options.max_samples, data.size()) : data.size();
    dear_ = !Cheap(result_.samples);
    const bool split = result_.samples >= kFewest;
    const int64_t stride = std::max<int64_t>(1, result_.samples / (dear_ ? kChoosingDear : kChoosing));  // The whole set's ranges are found at the end.
    fit_ = {0, result_.samples, split ? 2 * stride : 1};
    score_ = {split ? stride : 0, result_.samples, split ? 2 * stride : 1};
    all_ = {0, result_.samples, 1};
  }

  Result<QuantizeResult> Run() {
    result_.warnings = CheckCalibration(data_, result_.samples);
    const std::vector<Ranges> methods =
        options_.automatic_ranges ? std::vector{Ranges::kMse, Ranges::kMinMax, Ranges::kPercentile} : std::vector{options_.ranges};
    Choice choice{.ranges = methods[0]};
    const bool int8 = options_.rewrite.activation == DType::kI8;
    if (options_.repair || methods.size() > 1) {
      OCTET_ASSIGN(OutputError judge, OutputError::Make(model_, data_, score_, progress_));
      judge_.emplace(std::move(judge));
      OCTET_ASSIGN(choice, Choose(methods));
      if (options_.automatic_ranges && (int8 || choice.sqnr_db < kEnoughDb)) OCTET_TRY(Refine(&choice));
      if (options_.repair) OCTET_TRY(TryBias(&choice));
    }
    result_.output_sqnr_db = choice.sqnr_db;
    if (options_.repair && !options_.int8_only && (choice.sqnr_db < kEnoughDb || options_.float_operators > 0)) OCTET_TRY(Mix(&choice));
    if (!choice.not_int8.empty() || !choice.wide.empty()) OCTET_TRY(LookAnew(methods, &choice));
    result_.output_sqnr_db = choice.sqnr_db;
    return Finish(choice);
  }

 private:
  enum class Equalize : uint8_t { kNone, kActivations, kWeights };
  struct Choice {
    Equalize equalize = Equalize::kNone;
    Ranges ranges = Ranges::kMse;
    RangeMethods by_tensor = {};
    bool correct_bias = false;
    std::map<std::string, std::string> not_int8 = {};  // By first output, with the reason; in options_.fallback.
    std::map<std::string, std::string> wide = {};      // The same, in 16 bits: states of recurrent layers.
    double sqnr_db = 0, mean_error = 0;                  // Of the outputs on score_.
    double rounding_db = 0;                              // The same by rounding alone; known while settled_ is.
  };

  static const char* Name(Ranges r) {
    switch (r) {
      case Ranges::kMse: return "mse";
      case Ranges::kMinMax: return "min-max";
      case Ranges::kPercentile: return "percentile";
      case Ranges::kKl: return "kl";
      case Ranges::kEma: return "moving average";
      case Ranges::kClip999: return "percentile 99.9";
      case Ranges::kClip99: return "percentile 99";
      default: return "a part of it";
    }
    return "";
  }
  std::string Name(const Choice& c) const {
    const char* equalize = c.equalize == Equalize::kNone ? "as it is, " : c.equalize == Equalize::kActivations ? "equalized, " : "equalized by weights, ";
    return std::string(equalize) + Name(c.ranges) + (c.by_tensor.empty() ? "" : Format(", %zu tensors apart", c.by_tensor.size())) +
           (c.correct_bias ? ", bias corrected" : "") + (c.wide.empty() ? "" : Format(", %zu in 16 bits", c.wide.size())) +
           (c.not_int8.empty() ? "" : Format(options_.fallback == DType::kI16 ? ", %zu in int16x8" : ", %zu in float", c.not_int8.size()));
  }

  // The graph as it came, or equalized and measured again; `plain`: statistics of the graph as it came on the same
  // samples.
  Result<Prepared> PrepareGraph(Equalize equalize, Statistics plain, SampleRange samples) {
    Prepared p;
    p.model = model_;
    if (equalize != Equalize::kNone) OCTET_TRY(EqualizeGraph(equalize, &plain, samples, &p));
    p.ranges.emplace(p.model, std::move(plain), options_.repair);
    return p;
  }

  bool Histograms() const { return options_.automatic_ranges || options_.ranges != Ranges::kMinMax; }

  Status EqualizeGraph(Equalize equalize, Statistics* statistics, SampleRange samples, Prepared* p) {
    const Statistics plain = *statistics;
    p->equalized = EqualizeChannels(
        p->model.main(), *statistics,
        {.by_weights = equalize == Equalize::kWeights, .through_relu6 = options_.rewrite.per_tensor_weights, .from_spread = dear_ ? kEven : 0});
    if (p->equalized.empty()) return {};
    const SampleRange few{samples.first, std::min(samples.end, samples.first + (dear_ ? 2 : kVerifySamples) * samples.step), samples.step};
    OCTET_ASSIGN(const std::vector<float> before, RunOutputs(model_, data_, few, {}));
    OCTET_ASSIGN(const std::vector<float> after, RunOutputs(p->model, data_, few, {}));
    p->difference = LargestRelativeDifference(before, after);
    if (p->difference > kEqualTolerance) {  // Not exact here.
      Undo(plain, statistics, p);
      return {};
    }
    OCTET_ASSIGN(*statistics, CalibrateCached(options_.cache, p->model, data_, samples, Histograms(), progress_, Binned()));
    return {};
  }

  void Undo(const Statistics& plain, Statistics* statistics, Prepared* p) const {
    p->model = model_;
    p->equalized.clear();
    *statistics = plain;
  }

  // Of a dear model a few samples' histograms are enough; ranges are everybody's.
  const SampleRange* Binned() const { return dear_ ? &fit_ : nullptr; }

  Result<Rewritten> Rewrite(const Prepared& p, const Choice& c) const {
    RewriteOptions rewrite = options_.rewrite;
    (options_.fallback == DType::kI16 ? rewrite.int16 : rewrite.keep_float).insert(c.not_int8.begin(), c.not_int8.end());
    rewrite.int16.insert(c.wide.begin(), c.wide.end());
    rewrite.keep_float.insert(beside_float_.begin(), beside_float_.end());
    if (!c.correct_bias) return RewriteToInt8(p.model, p.ranges->All(c.ranges, c.by_tensor), rewrite);
    graph::Model corrected = p.model;
    CorrectBias(corrected, p.ranges->statistics(), rewrite);
    return RewriteToInt8(corrected, p.ranges->All(c.ranges, c.by_tensor), rewrite);
  }

  const Prepared& PreparedFor(const Choice& c) const { return prepared_[static_cast<size_t>(c.equalize)]; }

  // Fit every candidate on one half, keep the one whose outputs are nearest to float on the other.
  Result<Choice> Choose(const std::vector<Ranges>& methods) {
    std::optional<Choice> best;
    // Of a dear model the ranges of all samples are taken at once: the few that score are a small part of them.
    OCTET_ASSIGN(const Statistics plain, CalibrateCached(options_.cache, model_, data_, dear_ ? all_ : fit_, Histograms(), progress_, Binned()));
    if (dear_) result_.statistics_before = plain;
    if (options_.repair && !options_.int8_only && options_.fallback == DType::kF32) beside_float_ = BesideFloat(model_.main(), plain, options_.rewrite);
    for (Equalize equalize : {Equalize::kNone, Equalize::kActivations, Equalize::kWeights}) {
      if (equalize != Equalize::kNone && !options_.repair) continue;
      if (equalize == Equalize::kWeights && dear_ && !options_.rewrite.per_tensor_weights)
        continue;  // With a scale per channel it gains little over the other form.
      OCTET_ASSIGN(Prepared p, PrepareGraph(equalize, plain, fit_));
      prepared_.push_back(std::move(p));
      if (equalize != Equalize::kNone && prepared_.back().equalized.empty()) continue;
      for (Ranges r : methods) {
        Choice trial{.equalize = equalize, .ranges = r};
        OCTET_TRY(Score(&trial));
        if (!best || Better(trial, *best)) best = trial;
      }
    }
    return *best;
  }

  Status KeepIfBetter(Choice trial, Choice* choice) {
    OCTET_TRY(Score(&trial));
    if (Better(trial, *choice)) *choice = std::move(trial);
    return {};
  }

  // A constant output has 0 dB: where neither keeps more than half of the signal, what is nearer to float on average wins.
  static bool Better(const Choice& a, const Choice& b, double Choice::*db = &Choice::sqnr_db) {
    return std::max(a.*db, b.*db) < kNothingDb ? a.mean_error < b.mean_error : a.*db > b.*db;
  }

  Status Refine(Choice* choice) {
    const Prepared& p = PreparedFor(*choice);
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(p, *choice));
    if (!Cheap((kRefineRuns + static_cast<int64_t>(rewritten.classes.size())) * kFewestSensitivity)) return {};
    OCTET_ASSIGN(const File file, ComparedFile(p));
    OCTET_ASSIGN(const std::vector<RangeChange> found,
                 RefineRanges(file.model, rewritten.classes, options_.rewrite.activation, *p.ranges, data_, Few(fit_, kRefineRuns), progress_));
    if (found.empty()) return {};
    Choice trial = *choice;
    for (const RangeChange& change : found) change.Apply(&trial.by_tensor);
    OCTET_TRY(KeepIfBetter(std::move(trial), choice));
    // What is cut off in one place adds up with what is in others, unlike rounding errors: where much is lost each change is
    // looked at beside the others, too.
    const bool worthwhile = choice->sqnr_db < kEnoughDb && result_.samples >= kFewest;
    if (worthwhile && Cheap(static_cast<int64_t>(found.size()) * score_.count())) OCTET_TRY(RefineOneByOne(found, choice));
    return {};
  }

  Status RefineOneByOne(const std::vector<RangeChange>& changes, Choice* choice) {
    const double before = choice->sqnr_db;
    for (const RangeChange& change : changes) {
      Choice trial = *choice;
      if (!change.Undo(&trial.by_tensor)) change.Apply(&trial.by_tensor);
      OCTET_ASSIGN(const OutputDistance distance, Distance(trial));
      if (distance.sqnr_db < choice->sqnr_db + kWorthRange) continue;
      trial.sqnr_db = distance.sqnr_db;
      trial.mean_error = distance.mean;
      *choice = std::move(trial);
    }
    return choice->sqnr_db == before ? Status() : Score(choice);
  }

  // What was drowned shows now.
  Status LookAnew(const std::vector<Ranges>& methods, Choice* choice) {
    Choice plain = *choice;
    plain.by_tensor.clear();
    for (Ranges r : methods) {
      plain.ranges = r;
      OCTET_TRY(KeepIfBetter(plain, choice));
    }
    if (options_.automatic_ranges) OCTET_TRY(Refine(choice));
    return TryBias(choice);
  }

  // With it, or without where it was taken.
  Status TryBias(Choice* choice) {
    Choice trial = *choice;
    trial.correct_bias = !trial.correct_bias;
    return KeepIfBetter(std::move(trial), choice);
  }

  // The float model with the outputs that are compared, to run.
  struct File {
    std::vector<std::byte> bytes;  // That `model` reads.
    std::shared_ptr<const runtime::Model> model;
  };
  Result<File> ComparedFile(const Prepared& p) const {
    File file;
    OCTET_ASSIGN(file.bytes, exporter::Export(judge_->Compared(p.model)));
    OCTET_ASSIGN(file.model, runtime::Model::FromBytes(file.bytes));
    return file;
  }

  // As many samples as that many runs of the model each can be had for.
  SampleRange Few(SampleRange samples, size_t runs) const {
    const int64_t count = kSensitivityMacs / std::max<int64_t>(1, result_.macs * static_cast<int64_t>(runs));
    samples.end = std::min(samples.end, samples.first + samples.step * std::max(count, dear_ ? 1 : kFewestSensitivity));
    return samples;
  }

  // Other types for some, where int8 loses much. What they gain is told by rounding alone: a few samples that ranges of other ones cut
  // off may make most of the noise, and hide it.
  Status Mix(Choice* choice) {
    OCTET_TRY(Settle(choice->equalize));
    OCTET_ASSIGN(choice->rounding_db, RoundingDb(*choice));
    if (options_.rewrite.activation == DType::kI8) {
      OCTET_TRY(WidenStates(choice));
      OCTET_TRY(WidenLoops(choice));
      OCTET_TRY(WidenStreams(choice));
    }
    return options_.fallback == options_.rewrite.activation ? Status() : LeaveInFloat(choice);
  }

  bool IsEnough(const Choice& c, double db) const { return c.sqnr_db >= db || c.rounding_db >= kFineDb; }

  Status Widen(Choice trial, Choice* choice) {
    if (trial.wide == choice->wide) return {};
    OCTET_TRY(Score(&trial));
    if (trial.rounding_db >= choice->rounding_db + kWorthDb) *choice = std::move(trial);
    return {};
  }

  // States that gather over many steps take 16 bits, as in the fused operators.
  Status WidenStates(Choice* choice) {
    if (IsEnough(*choice, kEnoughDb)) return {};
    Choice trial = *choice;
    for (const std::string& name : StateCarriers(PreparedFor(*choice).model.main())) trial.wide[name] = "carries a state over many steps, which 8 bits forget";
    return Widen(std::move(trial), choice);
  }

  // The same for loops as a whole.
  Status WidenLoops(Choice* choice) {
    if (IsEnough(*choice, kEnoughDb)) return {};
    Choice trial = *choice;
    const graph::Graph& g = PreparedFor(*choice).model.main();
    for (graph::NodeId id : g.order())
      if (const std::optional<passes::CallFlow> flow = passes::FlowOf(model_, g.node(id)); flow && flow->loops && !g.node(id).outputs.empty())
        trial.wide[g.tensor(g.node(id).outputs[0]).name] = "repeats its steps, whose errors add up in 8 bits";
    return Widen(std::move(trial), choice);
  }

  // The same for the residual stream of a transformer, to which every block adds little.
  Status WidenStreams(Choice* choice) {
    const graph::Graph& g = PreparedFor(*choice).model.main();
    if (IsEnough(*choice, BudgetOf(g, 0).below_db)) return {};
    Choice trial = *choice;
    for (const std::string& name : ResidualStreams(g)) trial.wide[name] = "carries what every block adds a little to, which 8 bits drop";
    return Widen(std::move(trial), choice);
  }

  // Where int8 leaves the outputs too noisy on samples that did not choose its ranges, the operators whose
  // quantization costs most stay in float: few, named, and only if they gain something.
  Status LeaveInFloat(Choice* choice) {
    const bool forced = options_.float_operators > 0;
    const Prepared& p = PreparedFor(*choice);
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(p, *choice));
    OCTET_ASSIGN(const std::vector<std::byte> file, exporter::Export(rewritten.model));
    const graph::Graph& g = p.model.main();
    FloatBudget budget = forced ? FloatBudget{options_.float_operators, INT64_MAX, kEnoughDb} : BudgetOf(g, static_cast<int64_t>(file.size()));
    budget.instead = options_.fallback;
    if (options_.fallback == DType::kI16 && !forced) budget.operators *= kInt16Operators;
    if (IsEnough(*choice, budget.below_db) && !forced) return {};
    OCTET_ASSIGN(const Sensitivity sensitivity, SensitivityOf(p, rewritten));
    std::map<std::string, std::string> in_float = options_.rewrite.keep_float;
    in_float.insert(beside_float_.begin(), beside_float_.end());
    const auto steps = [&] { return PlanFloat(g, sensitivity, budget, in_float); };
    const auto why = [&](const std::string& tensor) {
      const auto refused = std::ranges::find(rewritten.float_nodes, tensor, &FloatNode::tensor);
      return refused != rewritten.float_nodes.end() ? refused->reason : Reason(g, sensitivity, tensor);
    };
    Choice best = *choice;
    Tried tried;
    OCTET_TRY(FollowPlan(steps(), why, *choice, &tried, &best));
    if (best.rounding_db < kBadDb && budget.operators < kSavingOperators && !forced) {
      budget.operators = kSavingOperators;
      budget.bytes = std::max(budget.bytes, SavingBytes(static_cast<int64_t>(file.size())));
      OCTET_TRY(FollowPlan(steps(), why, *choice, &tried, &best));
    }
    const double worth = std::clamp(kWorthShare * (kFineDb - choice->rounding_db), kLeastWorthDb, kWorthDb);
    if (best.rounding_db < choice->rounding_db + worth && !forced) return {};
    *choice = best;
    return {};
  }

  // What its own rounding alone costs, tensor by tensor.
  Result<Sensitivity> SensitivityOf(const Prepared& p, const Rewritten& rewritten) const {
    OCTET_ASSIGN(const File compared, ComparedFile(p));
    const std::map<std::string, Quant> scales = ScalesOf(rewritten.model, options_.rewrite.activation);
    OCTET_ASSIGN(Sensitivity sensitivity, MeasureSensitivity(compared.model, scales, options_.rewrite.activation, data_, Few(fit_, scales.size()), progress_));
    sensitivity.signal *= judge_->signal_share();
    if (options_.rewrite.inputs != DType::kF32)  // They come rounded, whatever reads them.
      for (const graph::TensorId t : p.model.main().inputs) sensitivity.noise.erase(p.model.main().tensor(t).name);
    return sensitivity;
  }

  using Tried = std::set<std::map<std::string, std::string>>;

  // One step of the plan after the other.
  Status FollowPlan(const std::vector<std::vector<std::string>>& steps, const std::function<std::string(const std::string&)>& why, Choice trial, Tried* tried,
                    Choice* best) {
    for (const std::vector<std::string>& step : steps) {
      for (const std::string& name : step) trial.not_int8[name] = why(name);
      if (!tried->insert(trial.not_int8).second) continue;
      OCTET_TRY(Score(&trial));
      if (Better(trial, *best, &Choice::rounding_db)) *best = trial;
      if (best->rounding_db >= kFineDb && options_.float_operators == 0) return {};
    }
    return {};
  }

  // Of the node that makes the tensor: it loses by what it makes or, where it reads one of the model's inputs, by that.
  std::string Reason(const graph::Graph& g, const Sensitivity& s, const std::string& tensor) const {
    const auto noise = [&](const std::string& name) { return s.noise.contains(name) ? s.noise.at(name) : 0.0; };
    std::string what = "it", name = tensor;
    for (const graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      if (n.outputs.empty() || g.tensor(n.outputs[0]).name != tensor) continue;
      for (const graph::TensorId t : n.inputs)
        if (std::ranges::find(g.inputs, t) != g.inputs.end() && noise(g.tensor(t).name) > noise(name)) what = "the input " + (name = g.tensor(t).name);
    }
    if (noise(name) <= 0) return "next to an operator that loses too much in int8";
    const char* type = options_.rewrite.activation == DType::kI8 ? "int8" : "16 bits";
    return Format("in %s %s alone leaves the outputs %.0f dB of signal to noise", type, what.c_str(), 10 * std::log10(std::max(s.signal, 1e-30) / noise(name)));
  }

  Result<OutputDistance> Distance(const Choice& c) const {
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(PreparedFor(c), c));
    return judge_->Measure(rewritten.model);
  }

  // Notes the candidate and what its outputs are worth on the held-out half.
  Status Score(Choice* c) {
    if (progress_) progress_("trying " + Name(*c), static_cast<int64_t>(result_.candidates.size()), 12);
    OCTET_ASSIGN(const OutputDistance distance, Distance(*c));
    result_.candidates.push_back({Name(*c), distance.mean, distance.sqnr_db});
    c->sqnr_db = distance.sqnr_db;
    c->mean_error = distance.mean;
    if (settled_) {
      OCTET_ASSIGN(c->rounding_db, RoundingDb(*c));
    }
    return {};
  }

  // The outputs' on score_ with the ranges of all samples, which cut none of these off.
  Result<double> RoundingDb(const Choice& c) const {
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(*settled_, c));
    OCTET_ASSIGN(const OutputDistance distance, judge_->Measure(rewritten.model));
    return distance.sqnr_db;
  }

  // The chosen graph with the ranges of all samples.
  Status Settle(Equalize equalize) {
    if (result_.statistics_before.empty()) {
      OCTET_ASSIGN(result_.statistics_before, CalibrateCached(options_.cache, model_, data_, all_, Histograms(), progress_, Binned()));
    }
    OCTET_ASSIGN(Prepared p, PrepareGraph(equalize, result_.statistics_before, all_));
    settled_.emplace(std::move(p));
    return {};
  }

  Result<QuantizeResult> Finish(const Choice& choice) {
    if (!settled_) OCTET_TRY(Settle(choice.equalize));
    Prepared& p = *settled_;
    if (std::string lone = LoneSample(result_.statistics_before); !lone.empty()) result_.warnings.push_back(std::move(lone));
    for (std::string& doubt : OtherNormalisation(model_.main(), result_.statistics_before)) result_.warnings.push_back(std::move(doubt));
    result_.causes = CausesIn(model_.main(), result_.statistics_before);
    OCTET_ASSIGN(Rewritten rewritten, Rewrite(p, choice));
    result_.chosen = Name(choice);
    // With one scale per weight tensor rounding is what holds small channels up.
    const bool coarse = options_.rewrite.per_tensor_weights && result_.output_sqnr_db != 0 && result_.output_sqnr_db < kEnoughDb;
    const bool judged_apart = result_.samples >= kFewest;  // Else what is rounded for a handful of samples is judged by them.
    if (judged_apart && (coarse || Cheap(weighted_ * (fit_.count() + score_.count()))) && judge_ && options_.repair &&
        options_.rewrite.activation == DType::kI8) {
      OCTET_ASSIGN(const RoundingResult rounding, RoundWeights(rewritten.model, p.model, data_, fit_, *judge_,
                                                               options_.high_effort ? std::span<const double>(kSeveralPasses) : kOnePass, progress_));
      if (!rounding.changed.empty()) {
        result_.chosen += Format(", %zu of %d layers rounded anew", rounding.changed.size(), rounding.layers);
        result_.candidates.push_back({result_.chosen, rounding.after.mean, rounding.after.sqnr_db});
        result_.output_sqnr_db = rounding.after.sqnr_db;
      }
    }
    if (judge_ && result_.output_sqnr_db < kDoubtfulDb)
      result_.warnings.push_back(
          Format("the outputs keep %.0f dB of signal to noise: accuracy may drop by a point or more; octet gate tells, --holdout searches on",
                 result_.output_sqnr_db));
    OCTET_TRY(graph::Verify(rewritten.model));
    result_.model = std::move(rewritten.model);
    result_.float_nodes = std::move(rewritten.float_nodes);
    result_.int16_nodes = std::move(rewritten.int16_nodes);
    result_.equalized = std::move(p.equalized);
    result_.equalization_difference = p.difference;
    result_.statistics = p.ranges->statistics();
    return std::move(result_);
  }

  void CountCosts() {
    CountCosts(model_.main(), 1);
    WeightedOp op;
    for (graph::NodeId id : model_.main().order()) weighted_ += FindWeights(model_.main(), id, &op);
  }
  void CountCosts(const graph::Graph& g, int64_t runs) {
    for (graph::NodeId id : g.order()) {
      const ops::Cost cost = SampleCost(g, id);
      result_.macs += runs * cost.macs;
      result_.bytes += runs * cost.bytes;
      if (const std::optional<passes::CallFlow> flow = passes::FlowOf(model_, g.node(id)); flow && runs == 1)
        for (int32_t callee : flow->makers()) CountCosts(model_.subgraphs[static_cast<size_t>(callee)], flow->loops ? kRounds : 1);
    }
  }

  // Is that many runs of the model a matter of a second or two? Counted, not timed: the same file comes out everywhere.
  bool Cheap(int64_t runs) const { return options_.high_effort || result_.macs <= kCheapMacs / std::max<int64_t>(1, runs); }

  graph::Model model_;
  const data::Dataset& data_;
  const QuantizeOptions& options_;
  const Progress& progress_;
  SampleRange fit_, score_, all_;
  int64_t weighted_ = 0;              // Operators with weights.
  bool dear_ = false;                 // One pass over the samples takes seconds.
  std::vector<Prepared> prepared_;    // By Equalize.
  std::optional<Prepared> settled_;   // What is shipped.
  std::map<std::string, std::string> beside_float_;  // What stays in float for it, with the reason.
  std::optional<OutputError> judge_;  // Against the float model on score_.
  QuantizeResult result_;
};

// A number that several nodes read under their own scales is one for each: it would tie these scales together.
void SplitNumbers(graph::Graph& g) {
  const auto ties = [](const graph::Node& n) {
    return std::ranges::any_of(n.op->quantization, [](const ops::QuantRow& row) { return row.kind == ops::QuantKind::kSameAs; });
  };
  for (graph::NodeId id : g.order())
    for (size_t i = 0; i < g.node(id).inputs.size() && ties(g.node(id)); ++i) {
      const graph::TensorId t = g.node(id).inputs[i];
      if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32 || g.tensor(t).type.shape.elements() != 1 || g.uses(t) < 2) continue;
      g.SetInput(id, static_cast<int>(i), g.AddConstant<float>(g.tensor(t).name, g.tensor(t).type.shape, g.tensor(t).data<float>()));
    }
}

}  // namespace

void MakeNamesUnique(graph::Model& model) {
  std::set<std::string> names;
  for (graph::Graph& g : model.subgraphs)
    for (size_t i = 0; i < g.tensors().size(); ++i) {
      graph::Tensor& t = g.tensor(static_cast<graph::TensorId>(i));
      const std::string base = t.name;
      for (int n = 1; !names.insert(t.name).second; ++n) t.name = base + "_" + std::to_string(n);
    }
}

namespace {
// Integer inputs were asked for.
void WarnOfInputs(const std::vector<std::string>& unlike, QuantizeResult* result) {
  for (const graph::TensorId t : result->model.main().inputs) {
    const graph::Tensor& input = result->model.main().tensor(t);
    if (input.type.dtype == DType::kF32)
      result->warnings.push_back(Format("input '%s' stays float32: what reads it computes in float", input.name.c_str()));
    else if (std::ranges::find(unlike, input.name) != unlike.end())
      result->warnings.push_back(
          Format("the features of input '%s' reach unlike far, and the narrow ones are lost in its one int8 scale: with --io float32 each gets a "
                 "scale of its own; or bring them to one size before the model",
                 input.name.c_str()));
  }
}
}  // namespace

Result<QuantizeResult> QuantizeInt8(graph::Model model, const data::Dataset& calibration, const QuantizeOptions& options, const Progress& progress) {
  int volumes = 0;
  for (graph::Graph& g : model.subgraphs) volumes += passes::FlattenVolumes(g);
  if (volumes > 0) OCTET_TRY(passes::Optimize(model));  // Their reshapes meet.
  for (graph::Graph& g : model.subgraphs) {
    if (options.rewrite.activation == DType::kI16) passes::SplitSquares(g);
    passes::SplitSums(g);
    passes::MultiplyNegations(g);
    passes::MultiplySquares(g);
    passes::GiveBiases(g);
    passes::MakeFinite(g);
    passes::ShareWeights(g);
    SplitNumbers(g);
  }
  const int64_t count = options.max_samples > 0 ? std::min(options.max_samples, calibration.size()) : calibration.size();
  QuantizeOptions own = options;
  const SampleRange all{0, count, 1};
  if (options.repair && !options.int8_only && options.rewrite.inputs == DType::kF32) {
    OCTET_ASSIGN(KeptInFloat in_float, EvenInputs(model, calibration, all));
    own.rewrite.keep_float.merge(std::move(in_float));
  }
  std::vector<std::string> unlike;
  if (options.rewrite.inputs != DType::kF32) {
    OCTET_ASSIGN(unlike, UnlikeInputs(model, calibration, all));
  }
  const LoneSamples lone = options.repair ? FindLoneSamples(calibration, count) : LoneSamples();
  std::optional<Without> others;
  if (!lone.samples.empty()) others.emplace(calibration, count, lone.samples);
  const data::Dataset& data = others ? static_cast<const data::Dataset&>(*others) : calibration;
  OCTET_ASSIGN(QuantizeResult result, Quantizer(std::move(model), data, own, progress).Run());
  result.warnings.insert(result.warnings.begin(), lone.warnings.begin(), lone.warnings.end());
  if (options.rewrite.inputs != DType::kF32) WarnOfInputs(unlike, &result);
  return result;
}

}  // namespace octet::quantizer
