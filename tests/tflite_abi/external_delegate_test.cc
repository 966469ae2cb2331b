// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's delegates in libraries of their own, compiled against other headers than octet's.
#include <cstdarg>
#include <cstddef>
#include <fstream>
#include <map>

#include "delegates/load.h"
#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/delegates/external/external_delegate.h"
#include "tests/model_builder.h"
#include "tflite_abi/builtin_data.h"

namespace octet {
namespace {

using test::Builder;

constexpr int32_t kSize = 20;
const std::vector<float> kX = test::RandomFloats(kSize, 1);

// #0 a = relu(x + c); #1 m = a * x; #2 t = tanh(m), the CPU's; #3 y = t + a.
graph::Model Model() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kSize}, {}});
  const auto c = b.Constant<float>("c", Shape{1, kSize}, test::RandomFloats(kSize, 3));
  const auto a = b.Node("add", "a", {x, c}, {}, [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu); });
  const auto m = b.Node("mul", "m", {a, x});
  const auto t = b.Node("tanh", "t", {m});
  b.g().outputs = {b.Node("add", "y", {t, a})};
  return std::move(b.model);
}

std::vector<float> Expected() { return test::Runner(Model()).Run<float>(kX); }

struct Outcome {
  std::vector<float> y;
  std::vector<runtime::DelegateDetails> details;
  std::vector<std::string> failures;
};
Outcome RunWith(const std::string& spec) {
  Outcome o;
  auto list = delegates::LoadAll({spec});
  EXPECT_TRUE(list.ok()) << (list.ok() ? "" : list.error().message());
  runtime::Options options;
  options.delegates.list = std::move(*list);
  test::Runner runner(Model(), std::move(options));
  for (int again = 0; again < 3; ++again) o.y = runner.Run<float>(kX);
  o.details = runner.it->delegates();
  o.failures = o.details[0].failures;
  return o;
}

TEST(ExternalDelegate, ClassicAndOpaqueOnesRun) {
  const std::string classic = OCTET_CLASSIC_PLUGIN, opaque = OCTET_OPAQUE_PLUGIN;
  for (const std::string& spec : {classic, classic + ";preview=1", classic + ";split=1", classic + ";handles=1", classic + ";scratch=1",
                                  classic + ";split=1;scratch=1;handles=1", opaque}) {
    const Outcome o = RunWith(spec);
    EXPECT_EQ(o.y, Expected()) << spec;
    EXPECT_EQ(o.details[0].nodes, 3) << spec;
    EXPECT_EQ(o.details[0].partitions, 2) << spec;
    EXPECT_TRUE(o.failures.empty()) << spec << o.failures[0];
    EXPECT_EQ(o.details[0].reasons[0].text, "the delegate did not ask for it");
  }
}

TEST(ExternalDelegate, EveryFailureStillGivesTheRightAnswer) {
  const std::map<std::string, std::string> says = {{"prepare", "the firmware is too old"}, {"replace", "not in the execution plan"}, {"init", "init failed"},
                                                   {"kernel_prepare", "no memory on the device"}, {"invoke", "the device hung"}, {"copy", "the bus is broken"}};
  for (const std::string plugin : {OCTET_CLASSIC_PLUGIN, OCTET_OPAQUE_PLUGIN})
    for (const auto& [fail, text] : says) {
      if (plugin == OCTET_OPAQUE_PLUGIN && (fail == "copy" || fail == "replace")) continue;
      const Outcome o = RunWith(plugin + ";handles=1;fail=" + fail);
      EXPECT_EQ(o.y, Expected()) << fail;
      EXPECT_EQ(o.details[0].nodes, 0) << fail;
      ASSERT_FALSE(o.failures.empty()) << fail;
      EXPECT_NE(o.failures[0].find(text), std::string::npos) << o.failures[0];
    }
  const auto refused = delegates::LoadAll({std::string(OCTET_CLASSIC_PLUGIN) + ";fail=create"});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("no such device in this machine"), std::string::npos);
}

TEST(ExternalDelegate, NothingIsLeftBehind) {
  const std::string log = testing::TempDir() + "/octet_plugin.log";
  std::remove(log.c_str());
  (void)RunWith(std::string(OCTET_CLASSIC_PLUGIN) + ";handles=1;log=" + log);
  std::ifstream file(log);
  std::map<std::string, int> count;
  for (std::string line; std::getline(file, line);) ++count[line];
  EXPECT_EQ(count["prepare"], 1);
  EXPECT_EQ(count["init"], 2);
  EXPECT_EQ(count["free"], 2);
  EXPECT_EQ(count["free handle"], 3);  // Of m and a, and of y.
  EXPECT_EQ(count["destroy"], 1);
}

void Collect(void* to, const char* format, va_list args) {
  char text[500];
  vsnprintf(text, sizeof(text), format, args);
  *static_cast<std::string*>(to) += text;
}

TEST(ExternalDelegate, ByTheCInterface) {
  const std::vector<std::byte> bytes = *exporter::Export(Model());
  for (const bool later : {false, true})
    for (const char* fail : {"", "invoke"}) {
      TfLiteExternalDelegateOptions how = TfLiteExternalDelegateOptionsDefault(OCTET_CLASSIC_PLUGIN);
      ASSERT_EQ(how.insert(&how, "fail", fail), kTfLiteOk);
      TfLiteDelegate* delegate = TfLiteExternalDelegateCreate(&how);
      ASSERT_NE(delegate, nullptr);
      std::string said;
      TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
      TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
      TfLiteInterpreterOptionsSetErrorReporter(options, Collect, &said);
      if (!later) TfLiteInterpreterOptionsAddDelegate(options, delegate);
      TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
      TfLiteInterpreterOptionsDelete(options);
      ASSERT_NE(it, nullptr) << said;
      EXPECT_EQ(later ? TfLiteInterpreterModifyGraphWithDelegate(it, delegate) : kTfLiteOk, kTfLiteOk);
      ASSERT_EQ(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
      TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(it, 0), kX.data(), kX.size() * sizeof(float));
      ASSERT_EQ(TfLiteInterpreterInvoke(it), kTfLiteOk);
      std::vector<float> y(kX.size());
      TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(it, 0), y.data(), y.size() * sizeof(float));
      EXPECT_EQ(y, Expected());
      EXPECT_EQ(said.find("the device hung") != std::string::npos, fail[0] != 0) << said;
      TfLiteInterpreterDelete(it);
      TfLiteModelDelete(model);
      TfLiteExternalDelegateDelete(delegate);
    }
  TfLiteExternalDelegateOptions nowhere = TfLiteExternalDelegateOptionsDefault("/nowhere/libdelegate.so");
  EXPECT_EQ(TfLiteExternalDelegateCreate(&nowhere), nullptr);
}

// As compilers lay them out for the structures of TensorFlow Lite 2.19.
static_assert(sizeof(TfLiteConvParams) == 28 && offsetof(TfLiteConvParams, dilation_width_factor) == 16);
static_assert(sizeof(TfLitePoolParams) == 40 && offsetof(TfLitePoolParams, activation) == 20);
static_assert(sizeof(TfLiteDepthwiseConvParams) == 28 && offsetof(TfLiteDepthwiseConvParams, activation) == 16);
static_assert(sizeof(TfLiteFullyConnectedParams) == 16 && offsetof(TfLiteFullyConnectedParams, keep_num_dims) == 8);
static_assert(sizeof(TfLiteReshapeParams) == 36 && sizeof(TfLiteSqueezeParams) == 36 && sizeof(TfLiteAddParams) == 8);
static_assert(offsetof(TfLiteUnidirectionalSequenceLSTMParams, time_major) == 12 && sizeof(TfLiteUnidirectionalSequenceLSTMParams) == 16);
static_assert(offsetof(TfLiteBucketizeParams, boundaries) == 8 && sizeof(TfLiteExternalDelegateOptions) == 8 + 8 + 2 * 256 * 8 + 8);

OctetDelegateAttribute Attribute(const char* name, int64_t value, std::span<const int64_t> ints = {}) {
  OctetDelegateAttribute a{};
  a.name = name;
  a.value = value;
  a.ints = ints.data();
  a.count = static_cast<int32_t>(ints.size());
  return a;
}

template <class P> P DataOf(const char* op, const std::vector<OctetDelegateAttribute>& attributes) {
  OctetDelegateNode node{};
  node.op = op;
  node.attributes = attributes.data();
  node.num_attributes = static_cast<int32_t>(attributes.size());
  void* data = tflite_abi::MakeBuiltinData(node);
  const P copy = *static_cast<P*>(data);
  std::free(data);
  return copy;
}

TEST(ExternalDelegate, ParametersAreTheFiles) {
  const auto conv = DataOf<TfLiteConvParams>(
      "conv_2d", {Attribute("padding", 1), Attribute("stride_w", 3), Attribute("fused_activation_function", 3), Attribute("dilation_h_factor", 2)});
  EXPECT_EQ(conv.padding, kTfLitePaddingValid);
  EXPECT_EQ(conv.stride_width, 3);
  EXPECT_EQ(conv.activation, kTfLiteActRelu6);
  EXPECT_EQ(conv.dilation_height_factor, 2);
  const int64_t dims[] = {2, -1};
  const auto reshape = DataOf<TfLiteReshapeParams>("reshape", {Attribute("new_shape", 0, dims)});
  EXPECT_EQ(reshape.num_dimensions, 2);
  EXPECT_EQ(reshape.shape[1], -1);
  EXPECT_EQ(DataOf<TfLiteCastParams>("cast", {Attribute("out_data_type", static_cast<int>(DType::kI8))}).out_data_type, kTfLiteInt8);
  EXPECT_EQ(DataOf<TfLiteMirrorPaddingParams>("mirror_pad", {Attribute("mode", 1)}).mode, kTfLiteMirrorPaddingSymmetric);
}

}  // namespace
}  // namespace octet
