// SPDX-License-Identifier: Apache-2.0
// octet.hpp as a program outside of octet uses it: this file sees include/ alone and links liboctet.so.
// Usage: cpp_api MODELS (of binding_models.cc)
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "octet/octet.hpp"
#include "expect.h"

namespace {

std::string g_models;

bool Contains(const octet::Status& s, std::string_view part) {
  const bool found = s.text().find(part) != std::string::npos;
  if (!found) std::fprintf(stderr, "'%s' lacks '%.*s'\n", s.text().c_str(), static_cast<int>(part.size()), part.data());
  return found;
}

octet::Result<octet::Model> Open(const std::string& name) { return octet::Model::Open(g_models + "/" + name + ".tflite"); }

void TypedSpans() {
  auto model = Open("add");
  auto session = octet::Session::Create(*model);
  EXPECT(session->Resize(0, {3, 4}).ok());
  auto x = session->Input<float>(0);
  EXPECT(x.ok() && x->size() == 12);
  std::iota(x->begin(), x->end(), 0.0f);
  const float ones[] = {1, 1, 1, 1};
  EXPECT(session->SetInput<float>(1, ones).ok());
  EXPECT(session->Run().ok());
  auto y = session->Output<float>(0);
  EXPECT(y.ok() && y->size() == 12 && (*y)[11] == 12.0f);
  EXPECT(session->OutputInfo(0)->shape()[0] == 3 && session->InputInfo(0)->shape_signature()[0] == -1);
  EXPECT(session->FindInput("y") == 1 && session->FindInput("z") == -1);
  EXPECT(Contains(session->Input<int8_t>(0).status(), "'x' holds float32, asked for as int8"));
  EXPECT(Contains(session->Input<float>(2).status(), "there is no input 2; there are 2"));
  EXPECT(Contains(session->SetInput<float>(1, std::span<const float>(ones, 3)), "expected 4 elements, found 3"));
  EXPECT(Contains(session->Resize(0, {1, 2, 3, 4, 5, 6, 7, 8, 9}), "dimensions"));
  EXPECT(session->Input<std::byte>(0)->size() == 48);
}

void SignaturesAndStrings() {
  auto model = Open("add");
  EXPECT(model->signatures().size() == 1 && model->signatures()[0] == "serve");
  auto session = octet::Session::Create(*model, {.signature = "serve"});
  EXPECT(session->FindInput("right") == 1 && session->FindOutput("total") == 0);
  EXPECT(!session->Select("other").ok() && session->Select("").ok() && session->Run().ok());
  EXPECT(Contains(octet::Session::Create(*model, {.signature = "other"}).status(), "there is no signature 'other'"));

  auto text = octet::Session::Create(*Open("string"));
  const std::string words[] = {"one", "", "größer", "4", "5", "6"};
  EXPECT(Contains(text->Input<std::byte>(0).status(), "holds strings"));
  EXPECT(text->SetStrings(0, words).ok() && text->Run().ok());
  auto back = text->GetStrings(0);
  EXPECT(back.ok() && back->size() == 6 && (*back)[2] == "größer" && (*back)[1].empty());
}

void ModelsThatAreNone() {
  EXPECT(Contains(octet::Model::Open("/nowhere.tflite").status(), "/nowhere.tflite"));
  EXPECT(!octet::Model::FromBuffer({}).ok());
  EXPECT(!octet::Model::FromBuffer(std::vector<std::byte>(100)).ok());
  std::ifstream in(g_models + "/f32.tflite", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> copy(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  auto session = octet::Session::Create(*octet::Model::FromBuffer(std::move(copy)));  // The session keeps model and bytes.
  EXPECT(session.ok() && session->Run().ok());
}

// One model, a session per thread; one session, two threads.
void Threads() {
  auto model = Open("add");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      auto session = octet::Session::Create(*model);
      for (int i = 0; i < 500; ++i) {
        auto x = session->Input<float>(0);
        (*x)[0] = static_cast<float>(k);
        (*session->Input<float>(1))[0] = static_cast<float>(i);
        if (!session->Run().ok() || (*session->Output<float>(0))[0] != static_cast<float>(k + i)) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT(wrong == 0);

  auto slow = octet::Session::Create(*Open("slow"));
  octet::Pending run = slow->RunAsync();
  EXPECT(Contains(slow->Run(), "the session is running"));
  EXPECT(Contains(slow->RunAsync().Wait(), "the session is running"));
  run.Cancel();
  EXPECT(run.Wait().code() == OCTET_CANCELLED);
}

void Asynchronously() {
  auto quick = octet::Session::Create(*Open("add"));
  for (int i = 0; i < 200; ++i) {
    (*quick->Input<float>(0))[0] = static_cast<float>(i);
    octet::Pending run = quick->RunAsync(octet::Clock::now() + std::chrono::seconds(60));
    EXPECT(run.Wait().ok() && run.Done());
    EXPECT((*quick->Output<float>(0))[0] == static_cast<float>(i) + (*quick->Input<float>(1))[0]);
  }
  auto slow = octet::Session::Create(*Open("slow"));
  EXPECT(slow->Allocate().ok());
  const auto start = octet::Clock::now();
  octet::Pending late = slow->RunAsync(start + std::chrono::milliseconds(30));
  EXPECT(!late.Done());
  const octet::Status status = late.Wait();
  EXPECT(status.code() == OCTET_CANCELLED && Contains(status, "the deadline passed"));
  EXPECT(octet::Clock::now() - start < std::chrono::seconds(20));
  octet::Pending cancelled = slow->RunAsync();
  cancelled.Cancel();
  EXPECT(cancelled.Wait().code() == OCTET_CANCELLED);
  octet::Pending dropped = slow->RunAsync();  // The session's end ends it.
}

}  // namespace

// The row "C++" of docs/wrong_use.md; two threads are above.
void WrongUse() {
  auto session = octet::Session::Create(*Open("add"));
  EXPECT(session->Input<int32_t>(0).status().code() == OCTET_INVALID_ARGUMENT);
  EXPECT(session->Output<int8_t>(0).status().code() == OCTET_INVALID_ARGUMENT);
  const float three[3] = {};
  EXPECT(Contains(session->SetInput<float>(0, three), "expected 4 elements, found 3"));
  EXPECT(Contains(session->Resize(7, {1}), "no input 7"));
  EXPECT(Contains(session->Select("none"), "there is no signature 'none'"));
  EXPECT(session->Resize(0, {1, 5}).ok());
  EXPECT(Contains(session->Run(), "sum"));  // [1, 5] + [1, 4]; before a good allocation, nothing runs.
  EXPECT(!session->Output<float>(0).ok());
  octet::Session other = std::move(*session);
  EXPECT(Contains(session->Run(), "moved from"));
  EXPECT(Contains(session->Input<float>(0).status(), "moved from"));
  EXPECT(Contains(session->RunAsync().Wait(), "moved from"));
  EXPECT(session->Resize(0, {1, 4}).code() == OCTET_INVALID_ARGUMENT && session->num_inputs() == 0);
  EXPECT(other.Resize(0, {1, 4}).ok() && other.Run().ok());
}

// Memory of the program's in place of the session's.
void InPlace() {
  auto session = octet::Session::Create(*Open("add"));
  alignas(64) float x[4] = {1, 2, 3, 4}, y[4] = {10, 20, 30, 40}, sum[4] = {};
  EXPECT(session->BindInput(0, std::as_writable_bytes(std::span(x))).ok());
  EXPECT(session->BindInput(1, std::as_writable_bytes(std::span(y))).ok());
  EXPECT(session->BindOutput(0, std::as_writable_bytes(std::span(sum))).ok());
  EXPECT(session->Run().ok() && sum[3] == 44);
  EXPECT(session->BindOutput(0, {}).ok() && session->Run().ok() && (*session->Output<float>(0)).data() != sum);
  EXPECT(Contains(session->BindInput(0, std::as_writable_bytes(std::span(x, 3))), "needs 16 bytes, found 12"));
}

// A delegate that calls TensorFlow Lite's functions back finds them in octet's own library.
void OpaqueDelegates(const char* plugin) {
  OctetError error;
  OctetDelegateHandle* delegate = octet_delegate_open(plugin, nullptr, nullptr, 0, &error);
  EXPECT(delegate != nullptr);
  auto model = octet::Model::Open(g_models + "/add.tflite");
  auto session = octet::Session::Create(*model);
  EXPECT(delegate && octet_add_delegate(session->get(), delegate, &error) == OCTET_OK);
  const float values[] = {1, 2, 3, 4};
  for (int i = 0; i < 2; ++i) EXPECT(session->SetInput<float>(i, values).ok());
  EXPECT(session->Run().ok());
  EXPECT((*session->Output<float>(0))[3] == 8);
  OctetDelegateDetails details = {};
  EXPECT(octet_num_delegates(session->get()) == 2 && octet_delegate_details(session->get(), 0, &details) == OCTET_OK && details.nodes == 1);
  octet_delegate_close(delegate);
}

int main(int argc, char** argv) {
  g_models = argv[1];
  TypedSpans();
  SignaturesAndStrings();
  ModelsThatAreNone();
  Threads();
  Asynchronously();
  WrongUse();
  InPlace();
  if (argc > 2) OpaqueDelegates(argv[2]);
  if (g_failed == 0) std::puts("C++ API: all checks passed");
  return g_failed > 0;
}
