# Cross-compilation for 32-bit Arm Linux (ARMv7, hard float) with Debian's g++-arm-linux-gnueabihf: the runtime; tests of it run under qemu-arm.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
# Sizes have 64 bits in files; what lies in memory was checked to fit 32 (CheckedBytes, AlignedBuffer::Make). GCC notes what its version 7 passed otherwise.
set(CMAKE_CXX_FLAGS_INIT "-Wno-narrowing -Wno-psabi")
set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm -L ${CMAKE_FIND_ROOT_PATH})
