# Debian's libraries.
#
# A `wal push` is one process for each segment, so the time until main() counts. Small libraries
# without security history of their own are linked statically: less to load, and less that must be
# present on the host. OpenSSL and libpq stay shared: their security updates must arrive by the
# package manager, and libpq's own dependencies (Kerberos, LDAP) have no static form. libpq is not
# linked but loaded when it is needed: src/postgres/libpq.h.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PostgreSQL REQUIRED)
add_library(pgcairn_libpq_headers INTERFACE)
target_include_directories(pgcairn_libpq_headers SYSTEM INTERFACE ${PostgreSQL_INCLUDE_DIRS})
find_package(fmt REQUIRED)
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)

# pgcairn_find_library(NAME HEADER) makes the target pgcairn_NAME: static if there is a choice.
function(pgcairn_find_library name header)
  find_library(PGCAIRN_${name}_LIBRARY NAMES lib${name}.a ${name} REQUIRED)
  find_path(PGCAIRN_${name}_INCLUDE ${header} REQUIRED)
  mark_as_advanced(PGCAIRN_${name}_LIBRARY PGCAIRN_${name}_INCLUDE)
  add_library(pgcairn_${name} INTERFACE)
  target_include_directories(pgcairn_${name} SYSTEM INTERFACE ${PGCAIRN_${name}_INCLUDE})
  target_link_libraries(pgcairn_${name} INTERFACE ${PGCAIRN_${name}_LIBRARY})
endfunction()

pgcairn_find_library(zstd zstd.h)
pgcairn_find_library(xxhash xxhash.h)
