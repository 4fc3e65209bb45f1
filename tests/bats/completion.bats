#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What shells complete, asked of the shells themselves, and manual pages as their linters see them.

load helper

# The words that bash offers behind the last one.
bash_offers() { # WORD...
	bash --norc -c '
		source <("$0" completion bash) || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_podonym && printf "%s\n" "${COMPREPLY[@]}"' "$podonym" "$@" | paste -sd ' '
}

fish_offers() { # LINE
	# shellcheck disable=SC2016 # for fish
	fish --no-config -c 'eval $argv[1] completion fish | source; complete -C $argv[2]' "$podonym" "$1" |
		cut -f 1 | sort | paste -sd ' '
}

# Does the line become what is wanted at a tab? zsh completes in a terminal only.
zsh_completes() { # LINE WANTED
	# shellcheck disable=SC2016 # for zsh
	timeout 20 zsh -f -c '
		zmodload zsh/zpty
		zpty z "env TERM=dumb zsh -f -i"
		zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source =($1 completion zsh); echo RE\"\"ADY"
		zpty -r z out "*READY*"
		zpty -w -n z "$2"$'"'\t'"'
		zpty -r z out "*$3*"' zsh "$podonym" "$@"
}

@test "completion: bash: commands, options, choices, files" {
	assert_equal "$(bash_offers podonym fl)" flows
	assert_equal "$(bash_offers podonym policy '')" 'explain check advise'
	assert_equal "$(bash_offers podonym policy explain --fi)" --fix
	assert_equal "$(bash_offers podonym flows --from-p)" '--from-pod --from-port'
	assert_equal "$(bash_offers podonym flows -f -o '')" 'compact table dict json'
	assert_equal "$(bash_offers podonym flows --output = t)" table
	assert_equal "$(bash_offers podonym flows --last '')" ''
	cd "$BATS_TEST_TMPDIR" && touch some-file
	assert_equal "$(bash_offers podonym flows --socket some)" some-file
	run shellcheck -s bash <("$podonym" completion bash)
	assert_success
}

@test "completion: zsh: commands, options that may be given again and those that may not, choices" {
	zsh_completes 'podonym pol' 'podonym policy'
	zsh_completes 'podonym policy explain --fi' 'explain --fix'
	zsh_completes 'podonym flows --not --from-wo' '--from-workload'
	zsh_completes 'podonym flows -o tab' '-o table'
	run zsh -n <("$podonym" completion zsh)
	assert_success
	refute_output
}

@test "completion: fish: commands, options, choices" {
	assert_equal "$(fish_offers 'podonym policy ')" 'advise check explain'
	assert_equal "$(fish_offers 'podonym policy explain --fi')" --fix
	assert_equal "$(fish_offers 'podonym flows --from-p')" '--from-pod --from-port'
	assert_equal "$(fish_offers 'podonym flows -o ')" 'compact dict json table'
}

@test "completion: another shell is refused" {
	run "$podonym" completion csh
	assert_failure 2
	assert_output --partial '"csh" is not a shell that is known here'
}

@test "man: each page passes mandoc and groff without a warning" {
	mapfile -t commands < <("$podonym" --help | sed -n '/^COMMANDS/,/^$/s/^  \(.*[a-z]\)  .*/\1/p' | sed 's/   *.*//')
	((${#commands[@]} > 8))
	for command in '' "${commands[@]}"; do
		# shellcheck disable=SC2086 # a command may be two words
		"$podonym" man $command >"$BATS_TEST_TMPDIR/page.1"
		run mandoc -Tlint "$BATS_TEST_TMPDIR/page.1"
		assert_success
		refute_output
		run --separate-stderr man --warnings -l -Tutf8 "$BATS_TEST_TMPDIR/page.1"
		assert_success
		assert_output --partial "podonym"
		assert_equal "$stderr" ''
	done
}

@test "man: a page has the options of --help, and SOURCE_DATE_EPOCH its day" {
	page=$(SOURCE_DATE_EPOCH=0 "$podonym" man policy explain)
	grep -q '^.TH PODONYM\\-POLICY\\-EXPLAIN 1 "1970-01-01"' <<<"$page"
	for option in $("$podonym" policy explain --help | grep -o -- '^ .* --[a-z-]* ' | grep -o -- '--[a-z-]*'); do
		grep -qF -- "${option//-/\\-}" <<<"$page"
	done
	run "$podonym" man flow
	assert_failure 2
	assert_output --partial 'did you mean "flows"?'
}
