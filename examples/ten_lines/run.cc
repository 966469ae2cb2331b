// SPDX-License-Identifier: Apache-2.0
// C++20: c++ -std=c++20 run.cc -loctet -pthread && ./a.out model.tflite
#include <algorithm>
#include <cstdio>
#include <octet/octet.hpp>

int main(int argc, char** argv) {
  auto model = octet::Model::Open(argc > 1 ? argv[1] : "model.tflite");
  if (!model.ok()) return std::fprintf(stderr, "%s\n", model.status().text().c_str()), 1;
  auto session = octet::Session::Create(*model);
  auto input = session->Input<float>(0);
  if (!input.ok()) return std::fprintf(stderr, "%s\n", input.status().text().c_str()), 1;
  std::fill(input->begin(), input->end(), 0.0f);
  if (octet::Status s = session->Run(); !s.ok()) return std::fprintf(stderr, "%s\n", s.text().c_str()), 1;
  auto output = session->Output<float>(0);
  std::printf("%s: %zu bytes, first value %g\n", session->OutputInfo(0)->name, output->size_bytes(), static_cast<double>((*output)[0]));
}
