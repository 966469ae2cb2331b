# Instruction sets: each file of src/kernels/isa is built for its own and exports nothing but its table
# (a test checks): an inline function compiled with -mavx512f must never serve the whole program.
function(octet_isa file)
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/kernels/isa/${file})
    set_source_files_properties(${PROJECT_SOURCE_DIR}/src/kernels/isa/${file} PROPERTIES COMPILE_OPTIONS "${ARGN}")
  endif()
endfunction()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c
             -Wno-uninitialized $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # GCC 12 headers, PR105593
  octet_isa(avx2_int8.cc -mavx2)
  octet_isa(avx2_elementwise.cc -mavx2 -mfma -mf16c)
  octet_isa(avx512_elementwise.cc ${avx512})
  octet_isa(avx2_products_f32.cc -mavx2 -mfma -mf16c)
  octet_isa(avx512_products_f32.cc ${avx512})
  octet_isa(avx512_vbmi.cc ${avx512} -mavx512vbmi)
  octet_isa(avx512_vnni_int8.cc ${avx512} -mavx512vnni)
endif()
