# The schema's C++ form, made by flatc at build time; three .cc files see it. Tests read the binary form.
find_program(FLATC flatc REQUIRED)
set(schema ${PROJECT_BINARY_DIR}/generated/schema)
add_custom_command(
  OUTPUT ${schema}_generated.h ${schema}.bfbs
  COMMAND ${FLATC} --cpp --scoped-enums --reflect-names -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  COMMAND ${FLATC} --binary --schema -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs)
add_custom_target(octet_schema DEPENDS ${schema}_generated.h)
add_dependencies(octet_tflite octet_schema)
