target_link_libraries(octet_data PUBLIC z)
