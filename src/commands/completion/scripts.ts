/**
 * What each shell is told: to ask `musicfs __complete` with the words of the line. It answers a
 * candidate a line, with a tab and its description behind, and a line `:files`, `:directories` or
 * `:none` at the end. All that is known of the commands stays in the program.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# bash completion for musicfs: eval "$(musicfs completion bash)"
_musicfs() {
    local line paths=none typed="\${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :*) paths="\${line#:}" ;;
            *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
        esac
    done < <("\${COMP_WORDS[0]/#\\~/$HOME}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [ "$typed" = "=" ] && typed=""
    case "$paths" in
        files) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$typed") ;;
        directories) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$typed") ;;
    esac
}
complete -F _musicfs musicfs
`;

const ZSH = `#compdef musicfs
# zsh completion for musicfs: musicfs completion zsh > "\${fpath[1]}/_musicfs"
_musicfs() {
    local line paths=none
    local -a candidates
    while IFS= read -r line; do
        case "$line" in
            :*) paths="\${line#:}" ;;
            *) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
        esac
    done < <("\${(Q)words[1]/#\\~/$HOME}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( \${#candidates} )) && _describe musicfs candidates
    case "$paths" in
        files) _files ;;
        directories) _files -/ ;;
    esac
}
if [ "\${funcstack[1]}" = "_musicfs" ]; then _musicfs "$@"; else compdef _musicfs musicfs; fi
`;

const FISH = `# fish completion for musicfs: musicfs completion fish > ~/.config/fish/completions/musicfs.fish
function __musicfs_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    for line in ($program __complete $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$typed"
            case ':directories'
                __fish_complete_directories "$typed"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c musicfs -f -a '(__musicfs_complete)'
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
