# Linked programs must stay small: the runners to which `modelctl link` appends artifacts have size limits, in bytes.
foreach(limit "modelctl-runner 2600000" "modelctl-runner-regular 2985000" "modelctl-runner-full 7730000"
        "modelctl-runner-serve 13125000")
  string(REPLACE " " ";" limit ${limit})
  list(POP_FRONT limit file most)
  file(SIZE ${TEMPLATES}/${file} size)
  message(STATUS "${file}: ${size} bytes, of ${most}")
  if(NOT size LESS most)
    message(SEND_ERROR "${file} has ${size} bytes; it must have fewer than ${most}")
  endif()
endforeach()
