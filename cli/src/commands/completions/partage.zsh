#compdef partage
# Completion of partage's command line in zsh; `partage complete` knows what fits.
_partage() {
    local -a lines plain folders
    local line program
    lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" complete $((CURRENT - 1)) -- \
        "${(@Q)words[1,CURRENT]}" 2>/dev/null)}")
    if [[ $lines[1] == $'\t'* ]]; then
        program=${lines[1]#$'\t'}
        words=("${(@)words[program+1,-1]}")
        ((CURRENT -= program))
        _normal -p partage
        return
    fi
    for line in $lines; do
        case ${line%%$'\t'*} in
        *[/=]) folders+=("${line%%$'\t'*}") ;;
        *) plain+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    (($#folders)) && compadd -S '' -- $folders
    (($#plain)) && _describe partage plain
    (($#folders + $#plain)) || [[ $words[CURRENT] != \~* ]] || _files
}
if [[ $funcstack[1] == _partage ]]; then
    _partage "$@"
else
    compdef _partage partage
fi
