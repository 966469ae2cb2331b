// SPDX-License-Identifier: Apache-2.0
// org.octet.telemetry.Native over octet/telemetry.h. Java holds the handle while it is in here; 0 is NULL, which does nothing.
#include <jni.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "octet/telemetry.h"

namespace {

constexpr int kTexts = 7, kNumbers = 5;

OctetTelemetry* Handle(jlong handle) { return reinterpret_cast<OctetTelemetry*>(handle); }

std::string Text(JNIEnv* env, jbyteArray bytes) {
  std::string text(bytes ? static_cast<size_t>(env->GetArrayLength(bytes)) : 0, '\0');
  if (bytes) env->GetByteArrayRegion(bytes, 0, static_cast<jsize>(text.size()), reinterpret_cast<jbyte*>(text.data()));
  return text;
}

uint64_t Nanoseconds(jlong ns) { return static_cast<uint64_t>(std::max<jlong>(0, ns)); }

}  // namespace

#define OCTET_JNI(result, method) extern "C" JNIEXPORT result JNICALL Java_org_octet_telemetry_Native_##method

OCTET_JNI(jbyteArray, open)(JNIEnv* env, jclass, jbyteArray config, jlongArray result) {
  OctetError error = {};
  OctetTelemetry* t = octet_telemetry_open(Text(env, config).c_str(), &error);
  if (!t) {
    const auto size = static_cast<jsize>(std::strlen(error.text));
    jbyteArray text = env->NewByteArray(size);
    if (text) env->SetByteArrayRegion(text, 0, size, reinterpret_cast<const jbyte*>(error.text));
    return text;
  }
  const jlong address = reinterpret_cast<jlong>(t);
  env->SetLongArrayRegion(result, 0, 1, &address);
  return nullptr;
}

OCTET_JNI(void, close)(JNIEnv*, jclass, jlong handle) { octet_telemetry_close(Handle(handle)); }

OCTET_JNI(jint, series)(JNIEnv* env, jclass, jlong handle, jobjectArray texts, jlongArray numbers) {
  std::array<std::string, kTexts> text;
  for (jsize i = 0; i < kTexts; ++i) {
    auto bytes = static_cast<jbyteArray>(env->GetObjectArrayElement(texts, i));
    text[static_cast<size_t>(i)] = Text(env, bytes);
    env->DeleteLocalRef(bytes);
  }
  std::array<jlong, kNumbers> number{};
  env->GetLongArrayRegion(numbers, 0, kNumbers, number.data());
  OctetTelemetryKey key = {};
  key.struct_size = sizeof(key);
  key.model = text[0].c_str();
  key.version = text[1].c_str();
  key.sha256 = text[2].c_str();
  key.precision = text[3].c_str();
  key.delegate = text[4].c_str();
  key.runtime = text[5].c_str();
  key.build = text[6].c_str();
  key.threads = static_cast<int32_t>(number[0]);
  key.nodes = static_cast<int32_t>(number[1]);
  key.delegated = static_cast<int32_t>(number[2]);
  key.partitions = static_cast<int32_t>(number[3]);
  key.arena_bytes = number[4];
  return octet_telemetry_series(Handle(handle), &key);
}

OCTET_JNI(jint, name)(JNIEnv* env, jclass, jlong handle, jbyteArray text) { return octet_telemetry_name(Handle(handle), Text(env, text).c_str()); }

OCTET_JNI(jint, inference)(JNIEnv*, jclass, jlong handle, jint series, jlong queue, jlong copy_in, jlong invoke, jlong copy_out) {
  uint64_t ns[5] = {Nanoseconds(queue), Nanoseconds(copy_in), Nanoseconds(invoke), Nanoseconds(copy_out), 0};
  for (int i = 0; i < 4; ++i) ns[4] += ns[i];
  octet_telemetry_inference(Handle(handle), series, ns);
  return 0;
}

OCTET_JNI(jint, stage)(JNIEnv*, jclass, jlong handle, jint series, jint stage, jlong ns) {
  octet_telemetry_stage(Handle(handle), series, static_cast<OctetTelemetryStage>(stage), Nanoseconds(ns));
  return 0;
}

OCTET_JNI(jint, operator)(JNIEnv*, jclass, jlong handle, jint series, jint op, jlong ns) {
  octet_telemetry_operator(Handle(handle), series, op, Nanoseconds(ns));
  return 0;
}

OCTET_JNI(jint, error)(JNIEnv*, jclass, jlong handle, jint series, jint code) {
  octet_telemetry_error(Handle(handle), series, code);
  return 0;
}

OCTET_JNI(jint, count)(JNIEnv*, jclass, jlong handle, jint series, jint what) {
  octet_telemetry_count(Handle(handle), series, static_cast<OctetTelemetryCount>(what));
  return 0;
}

OCTET_JNI(jint, fallback)(JNIEnv*, jclass, jlong handle, jint series, jint op, jint reason) {
  octet_telemetry_fallback(Handle(handle), series, op, reason);
  return 0;
}

OCTET_JNI(jlong, lost)(JNIEnv*, jclass, jlong handle) { return static_cast<jlong>(octet_telemetry_lost(Handle(handle))); }

OCTET_JNI(void, flush)(JNIEnv*, jclass, jlong handle) { octet_telemetry_flush(Handle(handle)); }
