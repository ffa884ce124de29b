# Completion of llmctl for bash. The commands are asked of llmctl, so this is never out of date.
_llmctl()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=() i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --config | --socket | --token-file)
            if ((i + 1 == COMP_CWORD)); then
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
            fi
            ((i++))
            ;;
        --url) ((i++)) ;;
        --json) ;;
        *) before+=("${COMP_WORDS[i]}") ;;
        esac
    done
    mapfile -t COMPREPLY < <(compgen -W "$(llmctl --list-commands 2>/dev/null |
        awk -F '\t' -v before="${before[*]}" '
            before == "" { split($1, w, " "); print w[1] }
            before != "" && index($1, before " ") == 1 { print substr($1, length(before) + 2) }
            $1 == before { n = split($2, w, /[^-a-z_]+/); for (i = 1; i <= n; i++) if (w[i] ~ /^--/) print w[i] }
            END { if (before == "") print "--json\n--socket\n--url\n--token-file\n--config\n--help\n--version" }'
    )" -- "$word")
}
complete -F _llmctl llmctl
