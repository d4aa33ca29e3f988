# forja_embed(target file symbol): makes `const char * const symbol` hold the text of file, in generated/symbol.hpp.
function(forja_embed target file symbol)
  set(out_dir "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(READ "${file}" text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  # String literals have a length limit on some compilers (16 KB on MSVC): a list of character codes has none.
  string(LENGTH "${text}" n)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  file(CONFIGURE OUTPUT "${out_dir}/${symbol}.hpp" CONTENT
"// Generated from @file_name@; do not edit.
#pragma once
namespace forja { inline constexpr unsigned char @symbol@_bytes[] = {@bytes@0}; inline const char * const @symbol@ = reinterpret_cast<const char *>(@symbol@_bytes); }
" @ONLY)
  target_include_directories(${target} PUBLIC "${out_dir}")
endfunction()
