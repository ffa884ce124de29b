# Completion of llmctl for fish. The commands are asked of llmctl, so this is never out of date.
function __llmctl_candidates
    set -l before (string match -v -- '-*' (commandline -opc)[2..])
    llmctl --list-commands 2>/dev/null | while read -l -d \t name usage help
        if test -z "$before"
            printf '%s\t%s\n' (string split ' ' $name)[1] $help
        else if string match -q -- "$before *" $name
            printf '%s\t%s\n' (string replace -- "$before " '' $name) $help
        else if test "$before" = "$name"
            string match -a -r -- '--[a-z-]+' $usage
        end
    end
end
complete -c llmctl -f -a '(__llmctl_candidates)'
complete -c llmctl -l json -d 'print what the daemons answer, as it is'
complete -c llmctl -l socket -r -F -d 'the admin socket'
complete -c llmctl -l url -x -d 'the admin address'
complete -c llmctl -l token-file -r -F -d 'its token'
complete -c llmctl -l config -r -F -d 'the configuration file'
