# Completion of modelctl for fish: the program itself computes the candidates. Put it in ~/.config/fish/completions.
function __modelctl_complete
    set --local words (commandline --cut-at-cursor --tokenize --current-process)
    set --local program $words[1]
    set --erase words[1]
    $program __complete -- $words (commandline --cut-at-cursor --current-token) 2>/dev/null
end
complete --command modelctl --no-files --arguments '(__modelctl_complete)'
