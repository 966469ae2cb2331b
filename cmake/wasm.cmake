# The runtime core as a WebAssembly module (WASI), with Debian's clang-16, lld-16, libclang-rt-16-dev-wasm32, libc++-16-dev-wasm32 and
# wasi-libc. One thread. examples/wasm runs it under Node.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_C_COMPILER clang-16)
set(CMAKE_CXX_COMPILER clang++-16)
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# Sizes in checked arithmetic have 64 bits; where one becomes a span's, it was checked.
set(CMAKE_CXX_FLAGS_INIT "-msimd128 -D_WASI_EMULATED_MMAN -D_WASI_EMULATED_GETPID -Wno-c++11-narrowing")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,stack-size=4194304 -lwasi-emulated-mman -lwasi-emulated-getpid")
set(CMAKE_EXECUTABLE_SUFFIX .wasm)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
