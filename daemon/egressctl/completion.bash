# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for bash: egressctl itself knows what may come next, and where that is a file.
_egressctl()
{
	# Bash takes words apart at colons and equal signs; the last piece alone is put in place.
	local words=() word i joined= cur
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((${#words[@]})) && [[ $joined || $word == [:=]* ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		joined=
		[[ $word == *[:=] ]] && joined=1
	done
	cur=${words[-1]}
	[[ $cur == --*=* ]] && cur=${cur#*=}
	mapfile -t COMPREPLY < <(egressctl --complete "${words[@]}" 2>/dev/null)
	if [[ ${COMPREPLY[0]} == :files ]]; then
		COMPREPLY=()
		compopt -o default 2>/dev/null
	elif [[ $cur == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
	fi
}
complete -F _egressctl egressctl
