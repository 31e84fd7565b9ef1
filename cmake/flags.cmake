# pgcairn_flags: what every target of ours is compiled and linked with. Generated code and test
# frameworks are not ours, so these flags are not set globally.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(pgcairn_flags INTERFACE)
target_include_directories(pgcairn_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -Wno-restrict: g++ 12 finds overlaps in std::string's operator+ that are not there.
target_compile_options(pgcairn_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Werror)

# The program parses what a storage and a server send, so it is hardened as Debian hardens its own.
target_compile_options(pgcairn_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
target_link_options(pgcairn_flags INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:--as-needed)

if(PGCAIRN_SANITIZE)
  target_compile_options(pgcairn_flags INTERFACE -fsanitize=${PGCAIRN_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(pgcairn_flags INTERFACE -fsanitize=${PGCAIRN_SANITIZE})
  # A dozen programs, of which each has every layer in it: lld links in a quarter of the time.
  find_program(PGCAIRN_LLD ld.lld)
  if(PGCAIRN_LLD)
    target_link_options(pgcairn_flags INTERFACE -fuse-ld=lld)
  endif()
else()
  # Not under a sanitizer: the checked variants of memcpy and read hide the calls from it.
  target_compile_options(pgcairn_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
