# Puts the page of `modelctl serve` together: each line @FILE@ of page.html is replaced by that file of this folder. What
# only readers of the sources need is left out: lines that are comments, empty lines and indentation. The result is one HTML
# file, OUTPUT.
cmake_minimum_required(VERSION 3.25)
file(READ ${CMAKE_CURRENT_LIST_DIR}/page.html page)
string(REGEX MATCHALL "@[a-z.]+@" names "${page}")
foreach(name IN LISTS names)
  string(REPLACE "@" "" file ${name})
  file(READ ${CMAKE_CURRENT_LIST_DIR}/${file} text)
  string(REPLACE "${name}" "${text}" page "${page}")
endforeach()
string(REGEX REPLACE "\n[ \t]+" "\n" page "${page}")
string(REGEX REPLACE "\n(//|/\\*)[^\n]*" "" page "${page}")
string(REGEX REPLACE "\n+" "\n" page "${page}")
file(WRITE ${OUTPUT} "${page}")
