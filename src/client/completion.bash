# bash completion for buzon's client (bin/client, installed as buzonctl).

_buzonctl() {
    local words word
    COMPREPLY=()
    # From the line itself: bash cuts addresses such as ::1 and unix:/path at colons.
    read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
    if [[ ${COMP_LINE:0:COMP_POINT} == *[[:blank:]] ]]; then
        words+=("")
    fi
    mapfile -t COMPREPLY < <("${words[0]}" --complete "${words[@]:1}" 2> /dev/null)
    # What bash replaces begins behind the last colon.
    word=${words[-1]}
    if [[ $word == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2> /dev/null
    fi
}

complete -F _buzonctl buzonctl
complete -F _buzonctl bin/client ./bin/client
