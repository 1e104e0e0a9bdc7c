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
  COMPREPLY=("${candidates[@]#"${word%"$current"}"}")
  [[ ${#answers[@]} == 1 && ${answers[0]} == */ ]] && compopt -o nospace
  compopt -o filenames 2>/dev/null
}
complete -F _modelctl modelctl
