# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - what the shell scripts share; sourced, never run
# shellcheck shell=bash disable=SC2034

set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${PVPACK_CACHE:-${HOME:-/root}/.cache/pvpack}
# Debian gives users no sbin, and a bare chroot may give nothing at all.
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
# Debian's own interpreter: the one that Debian's pytest belongs to.
PYTHON=/usr/bin/python3
export PATH LC_ALL=C.UTF-8

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# One line of progress; quiet when nobody watches.
say() {
	if [ -t 2 ]; then
		printf '%s\n' "$*" >&2
	fi
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "'$1' needs root: run this as root, or install sudo"
	fi
}

# run_logged LOG COMMAND...: silent unless it fails.
run_logged() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "failed: $* (all of its output: $log)"
	fi
}

# Release name of the stock kernel in the cache.
stock_release() {
	basename "$(readlink "$CACHE/kernels/stock")"
}
