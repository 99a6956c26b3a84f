# bash completion for buzon's client (bin/client, installed as buzonctl).

_buzonctl() {
    local current=${COMP_WORDS[COMP_CWORD]}
    local verbs="AUTH CONF DIRR DRAIN EVNT FREE HELP HIST HOST INFO IPV6 KICK LOGG METR NOOP PORT QUIT SAVE SESS TRAN
                 UNDL USER WHYY plot top"
    local words i
    COMPREPLY=()

    # The words before the current one. From the line itself: bash cuts addresses such as ::1 and unix:/path at colons.
    read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
    words=("${words[@]:1}")
    if [[ ${COMP_LINE:0:COMP_POINT} != *[[:blank:]] ]] && ((${#words[@]} > 0)); then
        unset 'words[-1]'
    fi

    # Options, and what belongs to them.
    i=0
    while ((i < ${#words[@]})); do
        case ${words[i]} in
        --auth) ((i += 2)) ;;
        -*) ((i += 1)) ;;
        *) break ;;
        esac
    done
    if ((i > ${#words[@]})); then
        return # the name behind --auth
    fi
    words=("${words[@]:i}")

    if ((${#words[@]} == 0)); then
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--raw --json --auth --help --version" -- "$current")
        elif [[ $current != *:* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "127.0.0.1 localhost hash" -- "$current")
        fi
        return
    fi
    if [[ ${words[0]} == hash ]]; then
        if ((${#words[@]} == 1)); then
            mapfile -t COMPREPLY < <(
                compgen -W "SCRAM-SHA-256 SHA512-CRYPT SHA256-CRYPT BLF-CRYPT CRYPT PLAIN" -- "$current")
        fi
        return
    fi
    if [[ ${words[0]} == unix:* ]]; then
        words=("${words[@]:1}")
    elif [[ ${words[1]-} == +([0-9]) ]]; then
        words=("${words[@]:2}")
    elif ((${#words[@]} == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "1111 $verbs ${verbs,,}" -- "$current")
        return
    else
        words=("${words[@]:1}")
    fi

    if ((${#words[@]} == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs ${verbs,,}" -- "$current")
        return
    fi
    local choices=
    case ${words[0]^^}:${#words[@]} in
    USER:1) choices="ADD DEL LIST PASS" ;;
    LOGG:1) choices="FOLLOW" ;;
    TRAN:1) choices="0 1 FOR" ;;
    EVNT:*)
        choices="auth-fail config connect dele filter-fail kick log login logout manager refused retr server top uidl
                 undelete"
        ;;
    HELP:1) choices=$verbs ;;
    PLOT:1 | HIST:1 | METR:1)
        choices="messages bytes online historic connections-open memory descriptors loop-lag-p99"
        ;;
    PLOT:2 | HIST:2) choices="minute hour day week" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}

complete -F _buzonctl buzonctl
complete -F _buzonctl bin/client ./bin/client
