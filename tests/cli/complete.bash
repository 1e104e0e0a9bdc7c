# complete.bash LINE WORD...: what Tab offers at the end of LINE, which readline breaks into the words that follow.
. "$ROOT/completions/modelctl.bash"
COMP_LINE=$1 COMP_POINT=${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { echo "compopt $*"; } # works only under a real Tab
_modelctl
printf '%s\n' "${COMPREPLY[@]}"
