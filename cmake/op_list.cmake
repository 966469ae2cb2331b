# Turns the file names in src/ops into the list of operators. Adding a file adds the operator: no list
# to edit, no static constructor, nothing for the linker to drop. Files named table_*, op_def and *_util are not operators.
file(GLOB op_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ops/*.cc)
list(FILTER op_files EXCLUDE REGEX "/(table_[a-z]*|op_def|[a-z0-9_]*_util)\\.cc$")
set(list "")
foreach(file IN LISTS op_files)
  get_filename_component(id ${file} NAME_WE)
  if(id MATCHES "^(if|while)$")  # Words of C++: the namespace is if_.
    string(APPEND id "_")
  endif()
  string(APPEND list "OCTET_OP(${id})\n")
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/op_list.inc CONTENT "${list}" @ONLY)
