target_link_libraries(octet_importers PUBLIC z)
