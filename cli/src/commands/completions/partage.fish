# Completion of partage's command line in fish; `partage complete` knows what fits.
function __partage_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l last (math (count $words) - 1)
    set -l lines ($words[1] complete $last -- $words 2>/dev/null)
    if string match -qr '^\t' -- "$lines[1]"
        # fish counts from 1.
        set -l program (math (string trim -- $lines[1]) + 1)
        if test $program -gt $last
            complete -C "$words[-1]"
        else
            complete -C (string join ' ' -- (string escape -- $words[$program..$last]) "$words[-1]")
        end
        return
    end
    printf '%s\n' $lines
end
complete -c partage -f -a '(__partage_complete)'
