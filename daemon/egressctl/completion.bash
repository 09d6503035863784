# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for bash: egressctl itself knows what may come next, and files are offered elsewhere.
_egressctl()
{
	mapfile -t COMPREPLY < <(egressctl --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _egressctl egressctl
