# Collects the stable error codes from the sources, Error(Kind::KIND, "CODE", ...), and compares docs/reference/errors.md
# with them, or, with MODELCTL_ACCEPT=1 in the environment (./dev accept), writes it.
cmake_minimum_required(VERSION 3.25)
file(STRINGS ${ROOT}/lib/base/kind.def rows REGEX "^KIND\\(")
foreach(row IN LISTS rows)
  string(REGEX MATCH "^KIND\\(([a-z_]+), ([0-9]+)" matched "${row}")
  set(exit_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()

set(codes "")
file(GLOB_RECURSE sources ${ROOT}/lib/*.cpp ${ROOT}/lib/*.hpp ${ROOT}/cli/*.cpp)
list(SORT sources)
foreach(source IN LISTS sources)
  file(READ ${source} text)
  string(REGEX MATCHALL "Kind::[a-z_]+[,;][ \n]*(name = )?\"[a-z0-9-]+\"" uses "${text}")
  string(REPLACE ${ROOT}/ "" file ${source})
  string(REGEX REPLACE "/[^/]*$" "" folder ${file})
  foreach(use IN LISTS uses)
    string(REGEX MATCH "Kind::([a-z_]+)[,;][ \n]*(name = )?\"([a-z0-9-]+)\"" matched "${use}")
    set(kind ${CMAKE_MATCH_1})
    set(code ${CMAKE_MATCH_3})
    list(APPEND codes ${code})
    list(APPEND kinds_${code} ${kind})
    list(APPEND folders_${code} "`${folder}`")
  endforeach()
endforeach()
list(REMOVE_DUPLICATES codes)
list(SORT codes)

set(page "# Error codes

An error's code, in square brackets on a terminal and `code` in JSON, is stable: scripts may match it. Its message
may change. The kind determines the exit code ([exit codes](exit-codes.md)).

| code | kind | exit | from |
|---|---|---|---|
")
foreach(code IN LISTS codes)
  list(REMOVE_DUPLICATES kinds_${code})
  list(SORT kinds_${code})
  list(REMOVE_DUPLICATES folders_${code})
  set(exits "")
  foreach(kind IN LISTS kinds_${code})
    list(APPEND exits ${exit_${kind}})
  endforeach()
  list(JOIN kinds_${code} ", " kinds)
  list(JOIN exits ", " exits)
  list(JOIN folders_${code} ", " folders)
  string(APPEND page "| `${code}` | ${kinds} | ${exits} | ${folders} |\n")
endforeach()

set(kept ${ROOT}/docs/reference/errors.md)
if(DEFINED ENV{MODELCTL_ACCEPT})
  file(WRITE ${kept} "${page}")
  return()
endif()
set(old "")
if(EXISTS ${kept})
  file(READ ${kept} old)
endif()
if(NOT old STREQUAL page)
  message(FATAL_ERROR "docs/reference/errors.md: not the codes of the sources; './dev accept' writes it")
endif()
