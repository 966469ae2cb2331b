# Instruction sets in software, or in another's encoding, beside which kernels are tested: sources in kernel_models.
set(kernel_models)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT OCTET_ISA STREQUAL "avx2")
  set(kernel_models ${CMAKE_CURRENT_LIST_DIR}/tiles_model.cc ${CMAKE_CURRENT_LIST_DIR}/avx_vnni_model.cc)
  set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/tiles_model.cc PROPERTIES COMPILE_OPTIONS "${OCTET_AVX512_OPTIONS}")
  set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/avx_vnni_model.cc PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-ffp-contract=off")
endif()
