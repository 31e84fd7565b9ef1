# Every unit test program, and nothing else: what a build with a sanitizer needs.
add_custom_target(unit_tests)

# pgcairn_layer(NAME DEPENDS layer... LIBRARIES lib...)
#
# Makes the static library pgcairn_NAME from every .cc below the current folder and the test program
# NAME_test from every *_test.cc. DEPENDS names the layers it may include; tools/check_layers.py
# holds the same table and fails on an include that runs against it.
#
# ALONE names the files that the builds which compile dozens of files as one must not join with
# others.
#
# SHARDS N runs NAME_test as N tests, NAME_test_1 and so on, each with its part of what is in it, so
# that a long program does not run on alone when all others have ended.
function(pgcairn_layer name)
  cmake_parse_arguments(LAYER "" "SHARDS" "DEPENDS;LIBRARIES;TEST_DEPENDS;EXTRA_SOURCES;ALONE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test\\.cc$|/testing/|/main\\.cc$)")
  list(FILTER tests INCLUDE REGEX "(_test\\.cc$|/testing/)")

  list(TRANSFORM LAYER_ALONE PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_source_files_properties(${LAYER_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

  add_library(pgcairn_${name} STATIC ${sources} ${LAYER_EXTRA_SOURCES})
  set(depends ${LAYER_DEPENDS})
  list(TRANSFORM depends PREPEND pgcairn_)
  target_link_libraries(pgcairn_${name} PUBLIC pgcairn_flags ${depends} ${LAYER_LIBRARIES})

  if(PGCAIRN_BUILD_TESTS AND tests)
    set(sanitized 0)
    if(PGCAIRN_SANITIZE)
      set(sanitized 1)
    endif()
    set(test_depends ${LAYER_TEST_DEPENDS})
    list(TRANSFORM test_depends PREPEND pgcairn_)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE pgcairn_${name} ${test_depends} GTest::gtest
      GTest::gtest_main)
    # Not __FILE__, which ccache may have made relative to the folder of the build.
    target_compile_definitions(${name}_test PRIVATE
      PGCAIRN_LAYER_SOURCES="${CMAKE_CURRENT_SOURCE_DIR}"
      PGCAIRN_SANITIZED=${sanitized})
    pgcairn_unit_tests(${name}_test "${LAYER_SHARDS}")
    add_dependencies(unit_tests ${name}_test)
  endif()
endfunction()

function(pgcairn_unit_tests program shards)
  if(NOT shards)
    add_test(NAME ${program} COMMAND ${program})
    set_tests_properties(${program} PROPERTIES LABELS "unit")
    return()
  endif()
  foreach(number RANGE 1 ${shards})
    math(EXPR index "${number} - 1")
    add_test(NAME ${program}_${number} COMMAND ${program})
    # GTEST_OUTPUT names a folder; all parts of one program would write the same file there.
    set_tests_properties(${program}_${number} PROPERTIES LABELS "unit"
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}"
      ENVIRONMENT_MODIFICATION "GTEST_OUTPUT=string_append:${program}_${number}.xml")
  endforeach()
endfunction()
