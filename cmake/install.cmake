# What is installed, by component: runtime (shared libraries), tools (the command), dev (headers, static library, find_package and
# pkg-config files); java (the jar) where a JDK is. `make package` packs them (scripts/package.sh).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One object with everything in it, whose only visible names are those of the C interfaces: no name of octet's inside can meet one of
# the program's.
set(static_libraries api tflite_abi delegates runtime tflite ops kernels base)
set(static_files "")
set(static_targets "")
foreach(name IN LISTS static_libraries)
  if(TARGET octet_${name})
    list(APPEND static_files $<TARGET_FILE:octet_${name}>)
    list(APPEND static_targets octet_${name})
  endif()
endforeach()
set(lto "")
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  set(lto -flto -flto-partition=none -flinker-output=nolto-rel -Os)  # Machine code, for programs built by any compiler.
endif()
set(OCTET_STATIC ${PROJECT_BINARY_DIR}/static/liboctet.a)
add_custom_command(
  OUTPUT ${OCTET_STATIC}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/static
  COMMAND ${CMAKE_CXX_COMPILER} ${lto} -r -nostdlib -o ${PROJECT_BINARY_DIR}/static/octet.o -Wl,--undefined=TfLiteNnapiDelegateCreate -Wl,--whole-archive $<TARGET_FILE:octet_api>
          $<TARGET_FILE:octet_tflite_abi> -Wl,--no-whole-archive -Wl,--start-group ${static_files} -Wl,--end-group
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden --strip-unneeded ${PROJECT_BINARY_DIR}/static/octet.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${OCTET_STATIC}
  COMMAND ${CMAKE_AR} rcsD ${OCTET_STATIC} ${PROJECT_BINARY_DIR}/static/octet.o
  DEPENDS ${static_targets} COMMENT "Static library: ${OCTET_STATIC}" VERBATIM)
add_custom_target(octet_static DEPENDS ${OCTET_STATIC})

set_target_properties(octet_shared PROPERTIES EXPORT_NAME octet)
set_target_properties(octet_tensorflowlite_c PROPERTIES EXPORT_NAME tensorflowlite_c)
foreach(target octet_shared octet_tensorflowlite_c)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
install(TARGETS octet_shared octet_tensorflowlite_c EXPORT octetTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(FILES ${OCTET_STATIC} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/octet)
install(EXPORT octetTargets NAMESPACE octet:: DESTINATION ${config_folder} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/octetConfig.cmake.in ${PROJECT_BINARY_DIR}/octetConfig.cmake INSTALL_DESTINATION ${config_folder}
                              PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/octetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/octetConfig.cmake ${PROJECT_BINARY_DIR}/octetConfigVersion.cmake DESTINATION ${config_folder} COMPONENT dev)
configure_file(${PROJECT_SOURCE_DIR}/cmake/octet.pc.in ${PROJECT_BINARY_DIR}/octet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/octet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
if(TARGET octet)
  install(TARGETS octet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
endif()
foreach(component runtime tools dev)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/octet-${component} COMPONENT ${component})
endforeach()

set(CPACK_PACKAGE_NAME octet)
set(CPACK_PACKAGE_VENDOR "octet")
set(CPACK_PACKAGE_CONTACT "octet developers <octet@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Edge inference: convert, quantize and run .tflite models")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME octet-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev)
if(TARGET octet)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)  # The tarball; Debian's are split again in scripts/package.sh.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME liboctet0)
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME octet)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME liboctet-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "liboctet0 (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "octet's runtime: liboctet and libtensorflowlite_c, which runs programs written for TensorFlow Lite's C interface.")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "The octet command: check, convert, quantize, gate, run, bench.")
set(CPACK_COMPONENT_DEV_DESCRIPTION "Headers, static library, CMake and pkg-config files of octet's runtime.")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS OFF)  # dpkg-shlibdeps knows the host's libraries only.
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6 (>= 2.34), libstdc++6 (>= 12)")
  set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "libc6 (>= 2.34)")  # OCTET_PORTABLE: it brings the rest along.
endif()
include(CPack)
