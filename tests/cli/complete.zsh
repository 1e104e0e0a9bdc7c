# Types a line and Tab into a real interactive zsh and prints the line that the completion made of it.
zmodload zsh/zpty
made=$PWD/line.$$
zpty inner "zsh -f -i"
zpty -w inner "PS1=; autoload -Uz compinit; compinit -u -D"
zpty -w inner "source ${(qq)ROOT}/completions/modelctl.zsh"
zpty -w inner "show() { zle complete-word; print -rn -- \"\$BUFFER\" > ${(qq)made}.part; mv ${(qq)made}.part ${(qq)made}; BUFFER=; zle accept-line }"
zpty -w inner "zle -N show; bindkey '^I' show"
zpty -w -n inner "$1"$'\t'
for (( i = 0; i < 1200; ++i )); do
  [[ -e $made ]] && break
  zpty -r -t inner ignored
  sleep 0.05
done
print -r -- "$(<$made)"
zpty -d inner
