# Completion of modelctl for bash: the program itself computes the candidates. Source it, or put it where bash-completion looks.
_modelctl() {
  local line="${COMP_LINE:0:COMP_POINT}" words word current candidates
  read -ra words <<<"$line"
  [[ $line == *' ' ]] && words+=("")
  word=${words[-1]}
  mapfile -t candidates <<<"$("${words[0]/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null | cut -f1)"
  # Readline breaks words at '=' and ':' too, and wants only what comes after the last break.
  current=${COMP_WORDS[COMP_CWORD]}
  [[ $current == [=:]* ]] && current=${current#[=:]}
  [[ -n ${candidates[0]} ]] || candidates=()
  COMPREPLY=()
  # Not `compopt -o filenames`: readline would write digits\:1.0. Only what needs it is quoted.
  for word in "${candidates[@]#"${word%"$current"}"}"; do
    COMPREPLY+=("$(printf %q "$word")")
  done
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -F _modelctl modelctl
