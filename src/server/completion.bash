# bash completion for buzon's server (bin/server, installed as buzond): the options are those that its help lists.

_buzond() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2> /dev/null |
            sed -n 's/^ *\(-.,\)\{0,1\} *\(--[a-z0-9-]*\).*/\2/p')" -- "$word")
    elif [[ $before == --sandbox ]]; then
        mapfile -t COMPREPLY < <(compgen -W "auto require off" -- "$word")
    elif [[ $before == --transform-jail ]]; then
        mapfile -t COMPREPLY < <(compgen -W "default strict off" -- "$word")
    elif [[ $before == --sessions ]]; then
        mapfile -t COMPREPLY < <(compgen -W "exclusive shared" -- "$word")
    fi
}

# Everything else is a file's name, as far as there are any.
complete -o default -F _buzond buzond
complete -o default -F _buzond bin/server ./bin/server
