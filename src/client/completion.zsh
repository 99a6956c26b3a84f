#compdef buzonctl
# zsh completion for buzon's client (installed as _buzonctl).

_buzonctl() {
    local -a offers
    offers=("${(@f)$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2> /dev/null)}")
    offers=("${(@)offers:#}")
    compadd -M 'm:{a-z}={A-Z}' -S '' -- "${(@M)offers:#*=}" # a value follows
    compadd -M 'm:{a-z}={A-Z}' -- "${(@)offers:#*=}"
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _buzonctl "$@"
else
    compdef _buzonctl buzonctl
fi
