find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
target_link_libraries(octet_data PUBLIC z PRIVATE PNG::PNG JPEG::JPEG)
