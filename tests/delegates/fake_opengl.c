/* SPDX-License-Identifier: Apache-2.0
 * A stand-in for EGL and OpenGL ES 3.1 with one device whose programs compute nothing. Every call can be made to fail;
 * what lives is counted: contexts and surfaces for themselves, OpenGL's objects until their context goes. Without a current
 * context OpenGL's calls do nothing, as the real ones. Tests find the two functions at the end by dlsym.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

enum { kOutOfMemory = 0x505, kBadAlloc = 0x3003, kMost = 4096 };
enum Kind { kNothing, kBuffer, kShader, kProgram, kQuery };

typedef struct { enum Kind kind; size_t bytes; unsigned char* data; } Object;

static int calls, fail_at = -1, contexts, surfaces, current;
static uint32_t error, bound, next = 1;
static Object objects[kMost];
static char display, config, context, surface;

static int Fails(void) { return calls++ == fail_at; }
/* Whether the call is to do anything. */
static int Does(void) {
  if (Fails()) return error = kOutOfMemory, 0;
  return current;
}
static uint32_t Make(enum Kind kind) {
  if (!Does() || next >= kMost) return 0;
  objects[next].kind = kind;
  return next++;
}
static void Free(uint32_t id) {
  if (id == 0 || id >= kMost) return;
  free(objects[id].data);
  memset(&objects[id], 0, sizeof objects[id]);
}

API uint32_t eglInitialize(void* d, int32_t* major, int32_t* minor) { return (void)d, (void)major, (void)minor, !Fails(); }
API void* eglGetDisplay(void* native) { return (void)native, Fails() ? NULL : &display; }
API const char* eglQueryString(void* d, int32_t what) { return (void)d, (void)what, Fails() ? NULL : ""; }
API uint32_t eglBindAPI(uint32_t api) { return (void)api, !Fails(); }
API uint32_t eglQueryAPI(void) { return 0x30A0; }
API uint32_t eglChooseConfig(void* d, const int32_t* wanted, void** configs, int32_t room, int32_t* count) {
  (void)d, (void)wanted, (void)room;
  if (Fails()) return 0;
  configs[0] = &config;
  *count = 1;
  return 1;
}
API void* eglCreateContext(void* d, void* c, void* share, const int32_t* attributes) {
  (void)d, (void)c, (void)share, (void)attributes;
  if (Fails()) return NULL;
  ++contexts;
  return &context;
}
API uint32_t eglDestroyContext(void* d, void* c) {
  (void)d, (void)c;
  for (uint32_t i = 1; i < kMost; ++i) Free(i);
  next = 1;
  --contexts;
  return !Fails();
}
API void* eglCreatePbufferSurface(void* d, void* c, const int32_t* attributes) {
  (void)d, (void)c, (void)attributes;
  if (Fails()) return NULL;
  ++surfaces;
  return &surface;
}
API uint32_t eglDestroySurface(void* d, void* s) { return (void)d, (void)s, --surfaces, !Fails(); }
API uint32_t eglMakeCurrent(void* d, void* draw, void* read, void* c) {
  (void)d, (void)read;
  if (Fails()) return 0;
  if (c && !draw) return 0; /* It has no contexts without surfaces. */
  current = c != NULL;
  return 1;
}
API void* eglGetCurrentContext(void) { return NULL; }
API void* eglGetCurrentDisplay(void) { return NULL; }
API void* eglGetCurrentSurface(int32_t which) { return (void)which, NULL; }
API int32_t eglGetError(void) { return kBadAlloc; }

API uint32_t glGetError(void) {
  if (Fails()) return kOutOfMemory;
  const uint32_t e = current ? error : 0;
  error = 0;
  return e;
}
API const uint8_t* glGetString(uint32_t what) {
  return (void)what, Does() ? (const uint8_t*)"llvmpipe, a stand-in" : NULL;
} /* Software: its speed is not measured. */
API const uint8_t* glGetStringi(uint32_t what, uint32_t i) { return (void)what, (void)i, Does() ? (const uint8_t*)"GL_EXT_disjoint_timer_query" : NULL; }
API void glGetIntegerv(uint32_t what, int32_t* value) {
  if (!Does()) return;
  *value = what == 0x90DB ? 16 : what == 0x90DE ? 1 << 26 : what == 0x90EB ? 256 : 1; /* Blocks, their bytes, items of a group; one of all else. */
}
API uint32_t glCreateShader(uint32_t kind) { return (void)kind, Make(kShader); }
API void glShaderSource(uint32_t s, int32_t count, const char* const* text, const int32_t* sizes) { (void)s, (void)count, (void)text, (void)sizes, Does(); }
API void glCompileShader(uint32_t s) { (void)s, Does(); }
API void glGetShaderiv(uint32_t s, uint32_t what, int32_t* value) {
  (void)s, (void)what;
  if (Does()) *value = 1;
}
API void glGetShaderInfoLog(uint32_t s, int32_t room, int32_t* size, char* text) { (void)s, (void)room, (void)size, (void)text, Does(); }
API void glDeleteShader(uint32_t s) {
  if (Does()) Free(s);
}
API uint32_t glCreateProgram(void) { return Make(kProgram); }
API void glAttachShader(uint32_t p, uint32_t s) { (void)p, (void)s, Does(); }
API void glProgramParameteri(uint32_t p, uint32_t what, int32_t value) { (void)p, (void)what, (void)value, Does(); }
API void glLinkProgram(uint32_t p) { (void)p, Does(); }
API void glGetProgramiv(uint32_t p, uint32_t what, int32_t* value) {
  (void)p;
  if (Does()) *value = what == 0x8741 ? 8 : 1; /* A binary of eight bytes. */
}
API void glGetProgramInfoLog(uint32_t p, int32_t room, int32_t* size, char* text) { (void)p, (void)room, (void)size, (void)text, Does(); }
API void glGetProgramBinary(uint32_t p, int32_t room, int32_t* size, uint32_t* format, void* to) {
  (void)p;
  if (!Does() || room < 8) return;
  memset(to, 7, 8);
  *size = 8;
  *format = 1;
}
API void glProgramBinary(uint32_t p, uint32_t format, const void* from, int32_t bytes) { (void)p, (void)format, (void)from, (void)bytes, Does(); }
API void glDeleteProgram(uint32_t p) {
  if (Does()) Free(p);
}
API void glUseProgram(uint32_t p) { (void)p, Does(); }
API int32_t glGetUniformLocation(uint32_t p, const char* name) { return (void)p, (void)name, Does() ? 0 : -1; }
API void glUniform1iv(int32_t at, int32_t count, const int32_t* values) { (void)at, (void)count, (void)values, Does(); }
API void glGenBuffers(int32_t count, uint32_t* ids) {
  for (int32_t i = 0; i < count; ++i) ids[i] = Make(kBuffer);
}
API void glDeleteBuffers(int32_t count, const uint32_t* ids) {
  if (!Does()) return;
  for (int32_t i = 0; i < count; ++i) Free(ids[i]);
}
API void glBindBuffer(uint32_t where, uint32_t id) {
  (void)where;
  if (Does()) bound = id;
}
API void glBindBufferBase(uint32_t where, uint32_t index, uint32_t id) { (void)where, (void)index, (void)id, Does(); }
API void glBufferData(uint32_t where, intptr_t bytes, const void* from, uint32_t use) {
  (void)where, (void)use;
  Object* o = &objects[bound];
  if (!Does() || o->kind != kBuffer) return;
  free(o->data);
  o->bytes = (size_t)bytes;
  o->data = calloc(1, o->bytes + 1);
  if (from) memcpy(o->data, from, o->bytes);
}
API void glBufferSubData(uint32_t where, intptr_t at, intptr_t bytes, const void* from) {
  (void)where;
  Object* o = &objects[bound];
  if (Does() && o->kind == kBuffer && (size_t)(at + bytes) <= o->bytes) memcpy(o->data + at, from, (size_t)bytes);
}
API void* glMapBufferRange(uint32_t where, intptr_t at, intptr_t bytes, uint32_t access) {
  (void)where, (void)access;
  Object* o = &objects[bound];
  return Does() && o->kind == kBuffer && (size_t)(at + bytes) <= o->bytes ? o->data + at : NULL;
}
API uint8_t glUnmapBuffer(uint32_t where) { return (void)where, (uint8_t)Does(); }
API void glDispatchCompute(uint32_t x, uint32_t y, uint32_t z) { (void)x, (void)y, (void)z, Does(); }
API void glMemoryBarrier(uint32_t which) { (void)which, Does(); }
API void glFinish(void) { Does(); }
API void glGenQueries(int32_t count, uint32_t* ids) {
  for (int32_t i = 0; i < count; ++i) ids[i] = Make(kQuery);
}
API void glDeleteQueries(int32_t count, const uint32_t* ids) {
  if (!Does()) return;
  for (int32_t i = 0; i < count; ++i) Free(ids[i]);
}
API void glBeginQuery(uint32_t what, uint32_t id) { (void)what, (void)id, Does(); }
API void glEndQuery(uint32_t what) { (void)what, Does(); }
API void glGetQueryObjectui64vEXT(uint32_t id, uint32_t what, uint64_t* value) {
  (void)id, (void)what;
  if (Does()) *value = 1000;
}
/* All others are found as symbols. */
API void* eglGetProcAddress(const char* name) { return strcmp(name, "glGetQueryObjectui64vEXT") == 0 ? (void*)(intptr_t)glGetQueryObjectui64vEXT : NULL; }

API void fake_opengl_reset(int fail) {
  calls = 0;
  fail_at = fail;
  error = 0;
}
/* Calls; contexts and surfaces; OpenGL's objects but for programs, which a cache keeps. */
API void fake_opengl_count(int* made, int* alive, int* inside) {
  *made = calls;
  *alive = contexts + surfaces;
  *inside = 0;
  for (uint32_t i = 1; i < kMost; ++i) *inside += objects[i].kind != kNothing && objects[i].kind != kProgram;
}
