// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_API_ERROR_REPORTER_H_
#define TENSORFLOW_LITE_CORE_API_ERROR_REPORTER_H_

#include <cstdarg>
#include <cstdio>

namespace tflite {

// Where messages go.
class ErrorReporter {
 public:
  virtual ~ErrorReporter() = default;
  virtual int Report(const char* format, va_list args) = 0;
  int Report(const char* format, ...) {
    va_list args;
    va_start(args, format);
    const int code = Report(format, args);
    va_end(args);
    return code;
  }
  int ReportError(void*, const char* format, ...) {
    va_list args;
    va_start(args, format);
    const int code = Report(format, args);
    va_end(args);
    return code;
  }
};

class StderrReporter : public ErrorReporter {
 public:
  int Report(const char* format, va_list args) override {
    std::fputs("ERROR: ", stderr);
    std::vfprintf(stderr, format, args);
    std::fputc('\n', stderr);
    return 0;
  }
};

inline ErrorReporter* DefaultErrorReporter() {
  static StderrReporter reporter;
  return &reporter;
}

}  // namespace tflite

#define TF_LITE_REPORT_ERROR(reporter, ...) static_cast<::tflite::ErrorReporter*>(reporter)->Report(__VA_ARGS__)

#endif  // TENSORFLOW_LITE_CORE_API_ERROR_REPORTER_H_
