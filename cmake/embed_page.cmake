# cmake -D FILE=page.html -D OUT=x.cc -P embed_page.cmake: the page as a constant, in pieces that no compiler finds too long.
file(READ ${FILE} hex HEX)
string(LENGTH "${hex}" length)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
math(EXPR size "${length} / 2")
file(WRITE ${OUT} "#include \"fleet/pages.h\"\n\nnamespace octet::fleet {\nstatic constexpr unsigned char kPage[] = {${bytes}};\nstd::string_view PagesHtml() { return {reinterpret_cast<const char*>(kPage), ${size}}; }\n}  // namespace octet::fleet\n")
