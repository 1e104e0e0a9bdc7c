#compdef modelctl
# Completion of modelctl for zsh: the program itself computes the candidates. Install it as _modelctl in a folder of $fpath.
_modelctl() {
  local line candidate
  local -a folders shown names
  for line in "${(@f)$("$words[1]" __complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    candidate=${line%%$'\t'*}
    if [[ -z $candidate ]]; then
      continue
    elif [[ $candidate == */ ]]; then
      folders+=("$candidate")
    else
      names+=("$candidate")
      shown+=("${line/$'\t'/  -- }")
    fi
  done
  (( $#names )) && compadd -l -d shown -- "$names[@]"
  (( $#folders )) && compadd -S '' -- "$folders[@]"
}
if [[ $funcstack[1] == _modelctl ]]; then _modelctl "$@"; else compdef _modelctl modelctl; fi
