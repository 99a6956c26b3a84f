# bash completion for buzon's client (bin/client, installed as buzonctl).

_buzonctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local verbs="AUTH CONF DIRR DRAIN EVNT FREE HELP HIST HOST INFO IPV6 KICK LOGG METR NOOP PORT QUIT SAVE SESS TRAN
                 UNDL USER WHYY plot top"
    local words=() i
    COMPREPLY=()

    # bash cuts words at colons: put addresses such as ::1 and unix:/path together again.
    for ((i = 1; i < COMP_CWORD; ++i)); do
        if [[ ${COMP_WORDS[i]} == :* || ( ${#words[@]} -gt 0 && ${words[-1]} == *: ) ]] && ((${#words[@]} > 0)); then
            words[-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
        fi
    done

    # Options, and what belongs to them.
    i=0
    while ((i < ${#words[@]})); do
        case ${words[i]} in
        --auth) ((i += 2)) ;;
        -*) ((i += 1)) ;;
        *) break ;;
        esac
    done
    if [[ $previous == --auth ]]; then
        return
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
    elif ((${#words[@]} == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "1111" -- "$current")
        return
    else
        words=("${words[@]:2}")
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
