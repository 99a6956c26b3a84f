# fish completion for buzon's client (installed as buzonctl.fish).

function __buzonctl_offers
    set -l words (commandline -opc) (commandline -ct)
    command $words[1] --complete $words[2..-1] 2> /dev/null
end

complete -c buzonctl -f -a '(__buzonctl_offers)'
