# Completion of partage's command line in bash; `partage complete` knows what fits.
_partage() {
    # bash breaks words at = and :, partage does not. `places` has where each word began.
    local words=() places=() i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        if ((i > 0)) && [[ ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i - 1]} == *[=:] ]]; then
            words[${#words[@]} - 1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
            places+=("$i")
        fi
    done
    local last=$((${#words[@]} - 1)) lines
    mapfile -t lines < <("${1/#\~/$HOME}" complete "$last" -- "${words[@]}" 2>/dev/null)
    if [[ ${lines[0]-} == $'\t'* ]]; then
        local program=${lines[0]#$'\t'}
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "${places[program]}"
        elif declare -F _command_offset >/dev/null; then
            _command_offset "${places[program]}"
        elif ((program == last)); then
            mapfile -t COMPREPLY < <(compgen -c -- "$2")
        fi
        return
    fi
    # What stands before the part that bash takes for the word.
    local before=${words[last]%"$2"} line
    COMPREPLY=()
    for line in "${lines[@]}"; do
        line=${line%%$'\t'*}
        line=${line#"$before"}
        [[ $line == *[/=] ]] && compopt -o nospace
        # A single candidate goes into the line, where the shell reads it, and a home directory too.
        if ((${#lines[@]} == 1)) && [[ $line == *[!a-zA-Z0-9_@%+=:,./~-]* ]]; then
            printf -v line %q "$line"
            line=${line/#\\\~\//\~/}
        fi
        COMPREPLY+=("$line")
    done
}
complete -o bashdefault -o default -F _partage partage
