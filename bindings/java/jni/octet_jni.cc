// SPDX-License-Identifier: Apache-2.0
// org.tensorflow.lite.Native over octet.h. Java has checked who may call: addresses are alive, one thread per interpreter.
// An error is its text as bytes, because NewStringUTF wants Java's own form of UTF-8 and files hold what they like.
#include <jni.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "octet/octet.h"

namespace {

OctetInterpreter* Interpreter(jlong handle) { return reinterpret_cast<OctetInterpreter*>(handle); }
OctetModel* Model(jlong handle) { return reinterpret_cast<OctetModel*>(handle); }

jbyteArray Bytes(JNIEnv* env, const void* data, size_t bytes) {
  jbyteArray array = env->NewByteArray(static_cast<jsize>(bytes));
  if (array) env->SetByteArrayRegion(array, 0, static_cast<jsize>(bytes), static_cast<const jbyte*>(data));
  return array;
}

jbyteArray Text(JNIEnv* env, const char* text) { return Bytes(env, text ? text : "", text ? std::strlen(text) : 0); }

jbyteArray ErrorOf(JNIEnv* env, OctetCode code, const OctetError& error) { return code == OCTET_OK ? nullptr : Text(env, error.text); }

jbyteArray Opened(JNIEnv* env, void* made, const OctetError& error, jlongArray result) {
  if (!made) return Text(env, error.text);
  const jlong address = reinterpret_cast<jlong>(made);
  env->SetLongArrayRegion(result, 0, 1, &address);
  return nullptr;
}

std::vector<char> Terminated(JNIEnv* env, jbyteArray bytes) {
  const jsize n = env->GetArrayLength(bytes);
  std::vector<char> text(static_cast<size_t>(n) + 1);
  env->GetByteArrayRegion(bytes, 0, n, reinterpret_cast<jbyte*>(text.data()));
  return text;
}

jobjectArray Texts(JNIEnv* env, const std::vector<const char*>& texts) {
  jobjectArray array = env->NewObjectArray(static_cast<jsize>(texts.size()), env->FindClass("[B"), nullptr);
  for (size_t i = 0; array && i < texts.size(); ++i) {
    jbyteArray text = Text(env, texts[i]);
    env->SetObjectArrayElement(array, static_cast<jsize>(i), text);
    env->DeleteLocalRef(text);
  }
  return array;
}

OctetTensor Tensor(jlong it, jint i, jboolean output) {
  OctetTensor t = {};
  (void)(output ? octet_output(Interpreter(it), i, &t) : octet_input(Interpreter(it), i, &t));
  return t;
}

bool Overlap(const std::byte* begin, size_t bytes, const OctetTensor& t) {
  const auto* other = static_cast<const std::byte*>(t.data);
  return other && begin < other + t.bytes && other < begin + bytes;
}

// memcpy that turns the bytes of each element round. Buffers need not be aligned.
template <typename T>
void CopySwapped(std::byte* to, const std::byte* from, size_t bytes) {
  for (size_t i = 0; i + sizeof(T) <= bytes; i += sizeof(T)) {
    T value;
    std::memcpy(&value, from + i, sizeof(T));
    if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    std::memcpy(to + i, &value, sizeof(T));
  }
}

void Copy(void* to, const void* from, size_t bytes, jint swap) {
  auto* t = static_cast<std::byte*>(to);
  const auto* f = static_cast<const std::byte*>(from);
  if (swap == 2) CopySwapped<uint16_t>(t, f, bytes);
  else if (swap == 4) CopySwapped<uint32_t>(t, f, bytes);
  else if (swap == 8) CopySwapped<uint64_t>(t, f, bytes);
  else std::memmove(t, f, bytes);
}

}  // namespace

#define OCTET_JNI(type, name) extern "C" JNIEXPORT type JNICALL Java_org_tensorflow_lite_Native_##name

OCTET_JNI(jbyteArray, version)(JNIEnv* env, jclass) { return Text(env, octet_version()); }

OCTET_JNI(jbyteArray, openFile)(JNIEnv* env, jclass, jbyteArray path, jlongArray result) {
  OctetError error;
  return Opened(env, octet_model_open(Terminated(env, path).data(), &error), error, result);
}

OCTET_JNI(jbyteArray, openBuffer)(JNIEnv* env, jclass, jobject buffer, jlongArray result) {
  OctetError error;
  const jlong bytes = std::max<jlong>(0, env->GetDirectBufferCapacity(buffer));
  return Opened(env, octet_model_from_bytes(env->GetDirectBufferAddress(buffer), static_cast<size_t>(bytes), &error), error, result);
}

OCTET_JNI(void, closeModel)(JNIEnv*, jclass, jlong model) { octet_model_close(Model(model)); }

OCTET_JNI(jobjectArray, signatures)(JNIEnv* env, jclass, jlong model) {
  std::vector<const char*> keys;
  for (int32_t i = 0; i < octet_model_num_signatures(Model(model)); ++i) keys.push_back(octet_model_signature(Model(model), i));
  return Texts(env, keys);
}

OCTET_JNI(jbyteArray, create)(JNIEnv* env, jclass, jlong model, jint threads, jlongArray result) {
  OctetOptions options = {};
  options.struct_size = sizeof(options);
  options.threads = threads;
  OctetError error;
  return Opened(env, octet_interpreter_create(Model(model), &options, &error), error, result);
}

OCTET_JNI(jbyteArray, openDelegate)(JNIEnv* env, jclass, jbyteArray name, jobjectArray keys, jobjectArray values, jlongArray result) {
  const auto strings = [env](jobjectArray from) {
    std::vector<std::vector<char>> texts;
    for (jsize i = 0; i < env->GetArrayLength(from); ++i) texts.push_back(Terminated(env, static_cast<jbyteArray>(env->GetObjectArrayElement(from, i))));
    return texts;
  };
  const auto key_texts = strings(keys), value_texts = strings(values);
  std::vector<const char*> k, v;
  for (const auto& text : key_texts) k.push_back(text.data());
  for (const auto& text : value_texts) v.push_back(text.data());
  OctetError error;
  return Opened(env, octet_delegate_open(Terminated(env, name).data(), k.data(), v.data(), static_cast<int32_t>(k.size()), &error), error, result);
}

OCTET_JNI(void, closeDelegate)(JNIEnv*, jclass, jlong delegate) { octet_delegate_close(reinterpret_cast<OctetDelegateHandle*>(delegate)); }

OCTET_JNI(jbyteArray, addDelegate)(JNIEnv* env, jclass, jlong it, jlong delegate) {
  OctetError error;
  return ErrorOf(env, octet_add_delegate(Interpreter(it), reinterpret_cast<const OctetDelegateHandle*>(delegate), &error), error);
}

OCTET_JNI(void, close)(JNIEnv*, jclass, jlong it) { octet_interpreter_close(Interpreter(it)); }

OCTET_JNI(jbyteArray, select)(JNIEnv* env, jclass, jlong it, jbyteArray signature) {
  OctetError error;
  return ErrorOf(env, octet_select(Interpreter(it), Terminated(env, signature).data(), &error), error);
}

OCTET_JNI(jint, count)(JNIEnv*, jclass, jlong it, jboolean outputs) {
  return outputs ? octet_num_outputs(Interpreter(it)) : octet_num_inputs(Interpreter(it));
}

OCTET_JNI(jobjectArray, names)(JNIEnv* env, jclass, jlong it, jint i, jboolean output) {
  return Texts(env, {Tensor(it, i, output).name, output ? octet_output_key(Interpreter(it), i) : octet_input_key(Interpreter(it), i)});
}

OCTET_JNI(jintArray, describe)(JNIEnv* env, jclass, jlong it, jint i, jboolean output) {
  const OctetTensor t = Tensor(it, i, output);
  const bool quantized = t.num_scales > 0 && t.scales && t.zero_points;
  std::vector<jint> d = {output ? octet_output_index(Interpreter(it), i) : octet_input_index(Interpreter(it), i),
                         t.dtype,
                         static_cast<jint>(t.bytes & 0xffffffffu),
                         static_cast<jint>(static_cast<uint64_t>(t.bytes) >> 32),
                         quantized ? std::bit_cast<jint>(t.scales[0]) : 0,
                         quantized ? t.zero_points[0] : 0,
                         t.num_scales,
                         t.rank};
  d.insert(d.end(), t.dims, t.dims + t.rank);
  d.insert(d.end(), t.signature, t.signature + t.rank);
  jintArray array = env->NewIntArray(static_cast<jsize>(d.size()));
  if (array) env->SetIntArrayRegion(array, 0, static_cast<jsize>(d.size()), d.data());
  return array;
}

OCTET_JNI(jobject, memory)(JNIEnv* env, jclass, jlong it, jint i, jboolean output) {
  const OctetTensor t = Tensor(it, i, output);
  static char nothing;  // An empty tensor may have no address.
  if (!t.data && (t.bytes > 0 || t.dtype == OCTET_STRING)) return nullptr;
  return t.bytes > INT32_MAX ? nullptr : env->NewDirectByteBuffer(t.data ? t.data : &nothing, static_cast<jlong>(t.bytes));
}

OCTET_JNI(jbyteArray, resize)(JNIEnv* env, jclass, jlong it, jint input, jintArray dims) {
  std::vector<jint> d(static_cast<size_t>(env->GetArrayLength(dims)));
  env->GetIntArrayRegion(dims, 0, static_cast<jsize>(d.size()), d.data());
  OctetError error;
  return ErrorOf(env, octet_resize_input(Interpreter(it), input, d.data(), static_cast<int32_t>(d.size()), &error), error);
}

OCTET_JNI(jbyteArray, allocate)(JNIEnv* env, jclass, jlong it) {
  OctetError error;
  return ErrorOf(env, octet_allocate(Interpreter(it), &error), error);
}

OCTET_JNI(jboolean, isStatic)(JNIEnv*, jclass, jlong it) { return octet_is_static(Interpreter(it)) != 0; }

OCTET_JNI(jbyteArray, invoke)(JNIEnv* env, jclass, jlong it) {
  OctetError error;
  return ErrorOf(env, octet_invoke(Interpreter(it), &error), error);
}

OCTET_JNI(void, hold)(JNIEnv*, jclass, jlong it, jboolean held) { octet_hold(Interpreter(it), held); }

OCTET_JNI(jbyteArray, resetVariables)(JNIEnv* env, jclass, jlong it) {
  OctetError error;
  return ErrorOf(env, octet_reset_variables(Interpreter(it), &error), error);
}

OCTET_JNI(void, copy)(JNIEnv* env, jclass, jlong it, jint i, jboolean output, jobject buffer, jlong offset, jint swap) {
  const OctetTensor t = Tensor(it, i, output);
  auto* direct = static_cast<std::byte*>(env->GetDirectBufferAddress(buffer));
  if (!direct || !t.data) return;  // Both empty.
  if (output) Copy(direct + offset, t.data, t.bytes, swap);
  else Copy(t.data, direct + offset, t.bytes, swap);
}

OCTET_JNI(jint, bind)(JNIEnv* env, jclass, jlong it, jint i, jboolean output, jobject buffer, jlong offset) {
  const auto bind = output ? octet_bind_output : octet_bind_input;
  if (!buffer) return bind(Interpreter(it), i, nullptr, 0, nullptr);
  auto* direct = static_cast<std::byte*>(env->GetDirectBufferAddress(buffer));
  const OctetTensor t = Tensor(it, i, output);
  if (!direct || t.bytes == 0) return OCTET_INVALID_ARGUMENT;
  std::byte* const begin = direct + offset;
  // An output that is an input under another shape would go along, and Java has its address.
  for (int32_t k = 0; !output && k < octet_num_outputs(Interpreter(it)); ++k)
    if (Overlap(static_cast<const std::byte*>(t.data), t.bytes, Tensor(it, k, true))) return OCTET_UNSUPPORTED;
  // What is computed into memory that is also read from, or written to, would not be what a copy gives.
  for (int32_t k = 0; output && k < octet_num_inputs(Interpreter(it)); ++k)
    if (Overlap(begin, t.bytes, Tensor(it, k, false))) return OCTET_INVALID_ARGUMENT;
  for (int32_t k = 0; output && k < octet_num_outputs(Interpreter(it)); ++k)
    if (k != i && Overlap(begin, t.bytes, Tensor(it, k, true))) return OCTET_INVALID_ARGUMENT;
  return bind(Interpreter(it), i, begin, t.bytes, nullptr);  // The buffer holds them: Java has counted.
}

OCTET_JNI(jbyteArray, setStrings)(JNIEnv* env, jclass, jlong it, jint input, jbyteArray packed) {
  const jsize bytes = env->GetArrayLength(packed);
  jbyte* data = env->GetByteArrayElements(packed, nullptr);
  OctetError error;
  const OctetCode code = octet_set_strings(Interpreter(it), input, data, static_cast<size_t>(bytes), &error);
  env->ReleaseByteArrayElements(packed, data, JNI_ABORT);
  return ErrorOf(env, code, error);
}

OCTET_JNI(jbyteArray, getStrings)(JNIEnv* env, jclass, jlong it, jint output) {
  size_t bytes = 0;
  if (octet_get_strings(Interpreter(it), output, nullptr, 0, &bytes, nullptr) != OCTET_OK) return nullptr;
  std::vector<std::byte> packed(bytes);
  if (octet_get_strings(Interpreter(it), output, packed.data(), packed.size(), &bytes, nullptr) != OCTET_OK) return nullptr;
  return Bytes(env, packed.data(), packed.size());
}
