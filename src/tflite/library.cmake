# The schema's C++ form, made by flatc at build time; four .cc files see it. Tests read the binary form.
find_program(FLATC flatc REQUIRED)
set(schema ${PROJECT_BINARY_DIR}/generated/schema)
add_custom_command(
  OUTPUT ${schema}_generated.h ${schema}.bfbs
  COMMAND ${FLATC} --cpp --scoped-enums --reflect-names -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  COMMAND ${FLATC} --binary --schema -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/schema.fbs)
set(metadata ${PROJECT_BINARY_DIR}/generated/metadata)
add_custom_command(
  OUTPUT ${metadata}_generated.h
  COMMAND ${FLATC} --cpp --scoped-enums -o ${PROJECT_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src/tflite/metadata.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/src/tflite/metadata.fbs)
add_custom_target(octet_schema DEPENDS ${schema}_generated.h ${metadata}_generated.h)
add_dependencies(octet_tflite octet_schema)
