# octet_library(NAME [RUNTIME] [SMALL] [WRAPS] [DEPS folder...]): the static library of src/NAME, target octet_NAME.
# RUNTIME code is built without exceptions and RTTI, and position independent. Contraction is off everywhere: fused multiply-adds
# would change integer results that pass through float. WRAPS: code that computes with values of files, where sums may
# leave their type and have to wrap, as the processor's do; sizes are computed in checked arithmetic. SMALL: code outside of the way from
# file to answer: for size, which halves it. -Wno-restrict: GCC 12 false alarms, PR105329.
add_library(octet_flags INTERFACE)
target_include_directories(octet_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
                                                 ${PROJECT_BINARY_DIR}/generated)
target_compile_options(octet_flags INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -ffp-contract=off -ffunction-sections
                                             -fdata-sections -fvisibility=hidden)
target_link_options(octet_flags INTERFACE -Wl,--gc-sections)
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(octet_flags INTERFACE -flto-partition=one)  # In parts, functions stay that are the same: 1 % of a packaged runtime.
endif()
target_link_libraries(octet_flags INTERFACE Threads::Threads)

# Programs that load TensorFlow Lite's delegates have what those ask for: TensorFlow Lite's C interface.
function(octet_export_tflite target)
  set(list ${PROJECT_SOURCE_DIR}/bindings/tflite_dynamic.list)
  # Whole, and before what else names the archive: functions that only libraries call.
  target_link_options(${target} PRIVATE -Wl,--whole-archive $<TARGET_FILE:octet_tflite_abi> -Wl,--no-whole-archive -Wl,--dynamic-list=${list})
  add_dependencies(${target} octet_tflite_abi)
  set_target_properties(${target} PROPERTIES LINK_DEPENDS "${list};$<TARGET_FILE:octet_tflite_abi>")
endfunction()

function(octet_library name)
  cmake_parse_arguments(arg "RUNTIME;SMALL;WRAPS" "" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  list(REMOVE_ITEM sources ${OCTET_UNUSED_SOURCES} "")
  if(NOT sources)
    return()
  endif()
  add_library(octet_${name} STATIC ${sources})
  target_link_libraries(octet_${name} PUBLIC octet_flags)
  foreach(dep IN LISTS arg_DEPS)
    if(TARGET octet_${dep})
      target_link_libraries(octet_${name} PUBLIC octet_${dep})
    endif()
  endforeach()
  if(arg_WRAPS)  # Clang's sanitizer would report what is defined here, GCC's does not.
    target_compile_options(octet_${name} PRIVATE -fwrapv $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=signed-integer-overflow>)
  endif()
  if(arg_SMALL AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(octet_${name} PRIVATE -Os)
  endif()
  if(arg_RUNTIME)  # Also part of shared libraries.
    target_compile_options(octet_${name} PRIVATE -fno-exceptions -fno-rtti)
    set_target_properties(octet_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(octet_${name} PRIVATE -fno-asynchronous-unwind-tables -fno-unwind-tables)  # Nothing is thrown.
    endif()
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/${name}/library.cmake)  # Third-party needs of this folder.
    include(${PROJECT_SOURCE_DIR}/src/${name}/library.cmake)
  endif()
endfunction()
