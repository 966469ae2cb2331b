# SPDX-License-Identifier: Apache-2.0
# Stands in for the toolchain file of Android's NDK where that is not: the host's clang, lld and libc++ with the NDK's flags for x86_64.
# Its headers are the C library's of the host, so that it shows what compiler, C++ library, linker and flags refuse, and no more.
set(ANDROID TRUE)
set(CMAKE_C_COMPILER clang-16)
set(CMAKE_CXX_COMPILER clang++-16)
set(ndk "-g -DANDROID -fdata-sections -ffunction-sections -funwind-tables -fstack-protector-strong -no-canonical-prefixes -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security -fPIC")
set(CMAKE_C_FLAGS_INIT "${ndk}")
set(CMAKE_CXX_FLAGS_INIT "${ndk} -stdlib=libc++ -Werror")
set(linker "-fuse-ld=lld-16 -static-libstdc++ -Wl,--build-id=sha1 -Wl,--no-rosegment -Wl,--no-undefined-version -Wl,--fatal-warnings -Wl,--no-undefined -Qunused-arguments")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${linker}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${linker}")
