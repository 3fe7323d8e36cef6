#!/bin/sh
# Install the real clients and servers that the tests run, where we may: root and apt. With `--peers`, also the other
# credential helpers that the benchmark races.
# Otherwise name what is missing; the tests that need it are then skipped loudly (or fail, with CI=true).
set -eu

missing=""
need() { # package, then a command or a path that shows it is there
	command -v "$2" >/dev/null 2>&1 || [ -e "$2" ] || missing="$missing $1"
}

need apache2-utils htpasswd
need clang clang
need dbus dbus-daemon
need docker-registry docker-registry
need docker.io docker
need faketime faketime
need fish fish
need git git
need gcc cc
need gnome-keyring gnome-keyring-daemon
need libc6-dev /usr/include/stdio.h
need libclang-rt-dev "$(clang --print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer-$(uname -m).a"
need make make
need mandoc mandoc
need openssl openssl
need rpm rpm
need skopeo skopeo
need strace strace
need zsh zsh
if [ "${1:-}" = --peers ]; then
	need amazon-ecr-credential-helper docker-credential-ecr-login
	need gh gh
	need git-credential-oauth git-credential-oauth
	need gnupg gpg
	need golang-docker-credential-helpers docker-credential-pass
	need pass pass
fi

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	# Nothing here may start a daemon: the tests start what they need, on loopback.
	# shellcheck disable=SC2086 # one word per package
	apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null && exit 0
	echo "apt-get could not install all of:$missing" >&2
	exit 0
fi
echo "not installed, so the tests that need them are skipped:$missing" >&2
echo "install them with: apt-get install --no-install-recommends$missing" >&2
