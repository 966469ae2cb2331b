/* SPDX-License-Identifier: Apache-2.0
 * A stand-in for OpenCL with one device whose kernels compute nothing. Every call can be made to fail; objects that
 * live are counted. Tests find the two functions at the end by dlsym.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

enum { kInfoBinarySizes = 0x1165, kInfoBinaries = 0x1166, kFailure = -5 };

typedef struct Object {
  size_t bytes;
  unsigned char* data;
  int owns;
} Object;

static int calls, fail_at = -1, fail_code = kFailure, live, unified, writes;
static Object device = {0, NULL, 0};

static int Fails(void) { return calls++ == fail_at; }
static void* Make(size_t bytes, void* host, int32_t* code) {
  if (Fails()) {
    if (code) *code = fail_code;
    return NULL;
  }
  Object* o = calloc(1, sizeof *o);
  o->bytes = bytes;
  o->owns = !host;
  o->data = host ? host : calloc(1, bytes + 1);
  ++live;
  if (code) *code = 0;
  return o;
}
static int32_t Free(Object* o) {
  if (o->owns) free(o->data);
  free(o);
  --live;
  return Fails() ? fail_code : 0;
}
static int32_t Give(const void* from, size_t bytes, size_t room, void* to, size_t* size) {
  if (Fails()) return fail_code;
  if (size) *size = bytes;
  if (to) memcpy(to, from, bytes < room ? bytes : room);
  return 0;
}

API int32_t clGetPlatformIDs(uint32_t room, void** ids, uint32_t* count) {
  if (Fails()) return fail_code;
  if (room > 0) ids[0] = &device;
  *count = 1;
  return 0;
}
API int32_t clGetPlatformInfo(void* p, uint32_t what, size_t room, void* to, size_t* size) { return (void)p, (void)what, Give("fake", 5, room, to, size); }
API int32_t clGetDeviceIDs(void* p, uint64_t type, uint32_t room, void** ids, uint32_t* count) {
  (void)p;
  if (Fails()) return fail_code;
  if (type != 2) return -1; /* A CPU, and nothing else. */
  if (room > 0) ids[0] = &device;
  *count = 1;
  return 0;
}
API int32_t clGetDeviceInfo(void* d, uint32_t what, size_t room, void* to, size_t* size) {
  (void)d;
  const uint64_t many = 1u << 30;
  const uint32_t yes = 1, no = (uint32_t)unified;
  const uint64_t cpu = 2;
  switch (what) {
    case 0x1000: return Give(&cpu, 8, room, to, size);
    case 0x1004: return Give(&many, 8, room, to, size);
    case 0x1010: return Give(&many, 8, room, to, size);
    case 0x1027:
    case 0x1028: return Give(&yes, 4, room, to, size);
    case 0x1035: return Give(&no, 4, room, to, size);
    default: return Give("fake", 5, room, to, size);
  }
}
API void* clCreateContext(const intptr_t* properties, uint32_t n, void* const* devices, void (*notify)(const char*, const void*, size_t, void*), void* user,
                          int32_t* code) {
  return (void)properties, (void)n, (void)devices, (void)notify, (void)user, Make(0, NULL, code);
}
API int32_t clReleaseContext(void* o) { return Free(o); }
API void* clCreateCommandQueue(void* context, void* d, uint64_t properties, int32_t* code) {
  return (void)context, (void)d, (void)properties, Make(0, NULL, code);
}
API int32_t clReleaseCommandQueue(void* o) { return Free(o); }
API void* clCreateBuffer(void* context, uint64_t flags, size_t bytes, void* host, int32_t* code) {
  (void)context;
  return Make(bytes, flags & 8 ? host : NULL, code);
}
API int32_t clReleaseMemObject(void* o) { return Free(o); }
API void* clCreateProgramWithSource(void* context, uint32_t n, const char** text, const size_t* lengths, int32_t* code) {
  return (void)context, (void)n, (void)text, (void)lengths, Make(0, NULL, code);
}
API void* clCreateProgramWithBinary(void* context, uint32_t n, void* const* devices, const size_t* sizes, const unsigned char** binaries, int32_t* status,
                                    int32_t* code) {
  (void)context, (void)n, (void)devices, (void)sizes, (void)binaries;
  *status = 0;
  return Make(0, NULL, code);
}
API int32_t clBuildProgram(void* p, uint32_t n, void* const* devices, const char* options, void (*notify)(void*, void*), void* user) {
  return (void)p, (void)n, (void)devices, (void)options, (void)notify, (void)user, Fails() ? fail_code : 0;
}
API int32_t clGetProgramInfo(void* p, uint32_t what, size_t room, void* to, size_t* size) {
  (void)p;
  const size_t bytes = 4;
  if (what == kInfoBinarySizes) return Give(&bytes, sizeof bytes, room, to, size);
  if (Fails()) return fail_code;
  if (what == kInfoBinaries) memcpy(*(void**)to, "fake", 4);
  return 0;
}
API int32_t clGetProgramBuildInfo(void* p, void* d, uint32_t what, size_t room, void* to, size_t* size) {
  return (void)p, (void)d, (void)what, Give("a log", 6, room, to, size);
}
API int32_t clReleaseProgram(void* o) { return Free(o); }
API void* clCreateKernel(void* p, const char* name, int32_t* code) { return (void)p, (void)name, Make(0, NULL, code); }
API int32_t clGetKernelWorkGroupInfo(void* k, void* d, uint32_t what, size_t room, void* to, size_t* size) {
  (void)k, (void)d, (void)what;
  const size_t most = 1024;
  return Give(&most, sizeof most, room, to, size);
}
API int32_t clReleaseKernel(void* o) { return Free(o); }
API int32_t clSetKernelArg(void* k, uint32_t index, size_t bytes, const void* value) {
  return (void)k, (void)index, (void)bytes, (void)value, Fails() ? fail_code : 0;
}
API int32_t clEnqueueNDRangeKernel(void* q, void* k, uint32_t n, const size_t* offset, const size_t* global, const size_t* local, uint32_t waits,
                                   void* const* list, void** event) {
  (void)q, (void)k, (void)n, (void)offset, (void)global, (void)local, (void)waits, (void)list;
  if (Fails()) return fail_code;
  if (event) {
    *event = calloc(1, sizeof(Object));
    ++live;
  }
  return 0;
}
API int32_t clEnqueueReadBuffer(void* q, void* b, uint32_t wait, size_t at, size_t bytes, void* to, uint32_t n, void* const* list, void** event) {
  (void)q, (void)wait, (void)n, (void)list, (void)event;
  if (Fails()) return fail_code;
  memcpy(to, ((Object*)b)->data + at, bytes);
  return 0;
}
API int32_t clEnqueueWriteBuffer(void* q, void* b, uint32_t wait, size_t at, size_t bytes, const void* from, uint32_t n, void* const* list, void** event) {
  (void)q, (void)wait, (void)n, (void)list, (void)event;
  if (Fails()) return fail_code;
  memcpy(((Object*)b)->data + at, from, bytes);
  ++writes;
  return 0;
}
API void* clEnqueueMapBuffer(void* q, void* b, uint32_t wait, uint64_t flags, size_t at, size_t bytes, uint32_t n, void* const* list, void** event,
                             int32_t* code) {
  (void)q, (void)wait, (void)flags, (void)bytes, (void)n, (void)list, (void)event;
  *code = Fails() ? fail_code : 0;
  return *code ? NULL : ((Object*)b)->data + at;
}
API int32_t clEnqueueUnmapMemObject(void* q, void* b, void* mapped, uint32_t n, void* const* list, void** event) {
  return (void)q, (void)b, (void)mapped, (void)n, (void)list, (void)event, Fails() ? fail_code : 0;
}
API int32_t clFlush(void* q) { return (void)q, Fails() ? fail_code : 0; }
API int32_t clFinish(void* q) { return (void)q, Fails() ? fail_code : 0; }
API int32_t clGetEventProfilingInfo(void* e, uint32_t what, size_t room, void* to, size_t* size) {
  (void)e;
  const uint64_t now = what == 0x1283 ? 5000 : 1000;
  return Give(&now, sizeof now, room, to, size);
}
API int32_t clReleaseEvent(void* o) { return Free(o); }

/* The call with number `at` fails with `code` from now on; -1: none. `shared`: whether memory is unified. */
API void fake_opencl_reset(int at, int code, int shared) {
  calls = writes = 0;
  fail_at = at;
  fail_code = code;
  unified = shared;
}
/* Calls since then, objects that live, and copies to the device. */
API void fake_opencl_count(int* made, int* living, int* written) {
  *made = calls;
  *living = live;
  *written = writes;
}
