#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The Debian package through its life, on a copy of this machine: an overlay of its root, whose upper
# layer shows what a package has left behind. And the file system of the container image.

load helper

setup_file() {
	type -P dpkg-deb >/dev/null || skip 'no dpkg on this machine'
	suite=$(mktemp -d "${TMPDIR:-/tmp}/podonym-package.XXXXXX")
	machine=$suite/machine upper=$suite/layers/upper
	export suite machine upper
	make -C "$root" MODE="${MODE:-release}" deb >"$suite/make.out" 2>&1 || { cat "$suite/make.out"; return 1; }
	mkdir "$suite/layers" "$machine"
	mount -t tmpfs tmpfs "$suite/layers"
	mkdir "$upper" "$suite/layers/work"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$upper,workdir=$suite/layers/work" "$machine"
	mount --bind /dev "$machine/dev"
	mkdir -p "$machine/sys/fs/bpf"
	mount -t bpf bpf "$machine/sys/fs/bpf"
	cp "$build"/podonym_*.deb "$machine/first.deb"
	dpkg-deb -R "$machine/first.deb" "$suite/next"
	sed -i 's/^Version: .*/&.1/' "$suite/next/DEBIAN/control"
	dpkg-deb -Znone --root-owner-group -b "$suite/next" "$machine/next.deb" >/dev/null
}

teardown_file() {
	local mounted
	[[ ${suite-} ]] || return 0
	for mounted in "$machine/sys/fs/bpf" "$machine/dev" "$machine" "$suite/layers"; do
		umount -l "$mounted" || :
	done
	rm -rf "$suite"
}

on_machine() { # COMMAND...
	chroot "$machine" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Once for the tests that look at it.
make_image() {
	image=$suite/image
	[[ -d $image ]] || "$root/deploy/image/root" "$podonym" "$image"
}

what_is_left() {
	find "$upper" -name '*podonym*' ! -type c -printf '%P\n'
	grep -H podonym "$machine/etc/group" "$machine/etc/gshadow" || :
}

@test "package: installs the program, its words, the unit and the group" {
	run on_machine dpkg --no-triggers -i /first.deb
	assert_success
	run on_machine podonym version
	assert_success
	run on_machine getent group podonym
	assert_success
	on_machine podonym config check /etc/podonym/config.yaml
	grep -q '^SystemCallFilter=@system-service bpf seccomp$' "$machine/usr/lib/systemd/system/podonym.service"
	for file in bin/kubectl-podonym lib/systemd/system/podonym.service share/man/man1/podonym-flows.1.gz \
		share/man/man1/kubectl-podonym.1.gz share/bash-completion/completions/podonym \
		share/zsh/vendor-completions/_podonym share/fish/vendor_completions.d/podonym.fish \
		share/doc/podonym/copyright; do
		[[ -e $machine/usr/$file ]] || { echo "$file is missing"; return 1; }
	done
}

@test "package: an upgrade keeps the settings and what is in the kernel" {
	echo 'interval: 7s' >"$machine/etc/podonym/config.yaml"
	mkdir -p "$machine/sys/fs/bpf/podonym/v1" "$machine/run/podonym"
	run on_machine dpkg --no-triggers -i /next.deb
	assert_success
	assert_equal "$(cat "$machine/etc/podonym/config.yaml")" 'interval: 7s'
	[[ -d $machine/sys/fs/bpf/podonym/v1 && -d $machine/run/podonym ]]
}

@test "package: removed while a DaemonSet's agent runs: that one keeps what is its own" {
	mkdir -p "$machine/var/lib/podonym"
	exec 5<"$machine/sys/fs/bpf/podonym/v1"
	flock 5
	run on_machine dpkg --no-triggers -r podonym
	exec 5<&-
	assert_success
	assert_output --partial 'left as they are'
	[[ -d $machine/sys/fs/bpf/podonym/v1 && -d $machine/run/podonym && -e $machine/etc/podonym/config.yaml ]]
	[[ ! -e $machine/usr/bin/podonym ]]
}

@test "package: purged: nothing is left" {
	on_machine dpkg --no-triggers -i /first.deb
	on_machine systemctl enable podonym
	run on_machine dpkg --no-triggers -P podonym
	assert_success
	refute_output --partial warning
	run what_is_left
	refute_output
	[[ ! -e $machine/sys/fs/bpf/podonym ]]
}

@test "image: the program starts in it, with no file of the machine" {
	make_image
	run chroot "$image" /usr/bin/podonym version
	assert_success
	run chroot "$image" /usr/bin/podonym policy check --help
	assert_success
}

@test "image: under 20 MB to download, and under 30 on the disk with the libraries of Debian 12" {
	local limit=30000000 size
	make_image
	[[ $(. /etc/os-release && echo "$ID-$VERSION_ID") == debian-12 ]] || limit=33000000 # larger ones
	size=$(find "$image" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
	echo "on the disk: $size"
	((size < limit)) || { find "$image" -type f -printf '%s %P\n' | sort -rn; return 1; }
	size=$(tar -C "$image" -c . | gzip -1 | wc -c)
	echo "to download: $size"
	((size < 20000000))
}

@test "image: its bill of materials has the package of each library" {
	make_image
	find "$image" -name '*.so*' -printf '/%P\n' | xargs realpath | sort >"$suite/libraries"
	# The package manager knows a file of /usr/lib by that name or without /usr.
	{ sed 'p; s|^/usr||' "$suite/libraries" | xargs dpkg-query -S 2>/dev/null || :; } |
		sed 's|:.* /lib| /usr/lib|; s|:.* /| /|' | sort -u >"$suite/owners"
	diff "$suite/libraries" <(cut -d ' ' -f 2 "$suite/owners" | sort)
	run comm -23 <(cut -d ' ' -f 1 "$suite/owners" | sort -u) \
		<(jq -r '.packages[].name' "$image/usr/share/podonym/sbom.spdx.json" | sort)
	refute_output
}
