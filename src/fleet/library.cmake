# PostgreSQL's client library; the migrations are built in.
find_package(PostgreSQL REQUIRED)
find_package(OpenSSL REQUIRED)
file(GLOB migrations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/fleet/migrations/*.sql)
set(migrations_cc ${PROJECT_BINARY_DIR}/generated/fleet_migrations.cc)
add_custom_command(OUTPUT ${migrations_cc} DEPENDS ${migrations} ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake
                   COMMAND ${CMAKE_COMMAND} -D "FILES=${migrations}" -D OUT=${migrations_cc} -P ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake VERBATIM)
target_sources(octet_fleet PRIVATE ${migrations_cc})
target_link_libraries(octet_fleet PRIVATE PostgreSQL::PostgreSQL OpenSSL::Crypto z)
# The pages: web/ built by npm into one file, where npm and its packages are reachable.
file(GLOB_RECURSE web CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/src/* ${PROJECT_SOURCE_DIR}/web/*.html ${PROJECT_SOURCE_DIR}/web/*.json ${PROJECT_SOURCE_DIR}/web/*.ts)
list(FILTER web EXCLUDE REGEX "/node_modules/")
set(page ${PROJECT_BINARY_DIR}/generated/fleet_pages.html)
set(page_cc ${PROJECT_BINARY_DIR}/generated/fleet_pages.cc)
add_custom_command(OUTPUT ${page_cc} DEPENDS ${web} ${PROJECT_SOURCE_DIR}/scripts/build_pages.sh ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake
                   COMMAND ${PROJECT_SOURCE_DIR}/scripts/build_pages.sh ${page}
                   COMMAND ${CMAKE_COMMAND} -D FILE=${page} -D OUT=${page_cc} -P ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake VERBATIM)
target_sources(octet_fleet PRIVATE ${page_cc})
