// SPDX-License-Identifier: Apache-2.0
// The tests' main: a folder for temporary files of this process alone, as ctest and people run several side by side.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string folder = (std::filesystem::temp_directory_path() / "octet-tests-XXXXXX").string();
  if (!mkdtemp(folder.data())) {
    std::perror(folder.c_str());
    return EXIT_FAILURE;
  }
  setenv("TEST_TMPDIR", folder.c_str(), 1);  // What testing::TempDir() answers.
  const int result = RUN_ALL_TESTS();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return result;
}
