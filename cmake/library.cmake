# octet_library(NAME [RUNTIME] [DEPS folder...]): the static library of src/NAME, target octet_NAME.
# RUNTIME code is built without exceptions and RTTI, and position independent. Contraction is off everywhere: fused multiply-adds
# would change integer results that pass through float. -Wno-restrict: GCC 12 false alarms, PR105329.
add_library(octet_flags INTERFACE)
target_include_directories(octet_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
                                                 ${PROJECT_BINARY_DIR}/generated)
target_compile_options(octet_flags INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -ffp-contract=off -ffunction-sections
                                             -fdata-sections -fvisibility=hidden)
target_link_options(octet_flags INTERFACE -Wl,--gc-sections)
target_link_libraries(octet_flags INTERFACE Threads::Threads)

function(octet_library name)
  cmake_parse_arguments(arg "RUNTIME" "" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
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
  if(arg_RUNTIME)  # Also part of shared libraries.
    target_compile_options(octet_${name} PRIVATE -fno-exceptions -fno-rtti)
    set_target_properties(octet_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/${name}/library.cmake)  # Third-party needs of this folder.
    include(${PROJECT_SOURCE_DIR}/src/${name}/library.cmake)
  endif()
endfunction()
