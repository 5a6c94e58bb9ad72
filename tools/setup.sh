#!/usr/bin/env bash
# Sets up what a make target needs and says each step. What is there already is left alone, in a tenth of a second.
#
#   tools/setup.sh runtime       what sscard itself needs: no Debian package, no root, no compiler
#   tools/setup.sh development   what the tests need: the Debian packages too, as root or with sudo
#   tools/setup.sh buf           the linter of the .proto files
#   tools/setup.sh uv            uv alone, which installs the rest
#
# PYTHON names another interpreter than python3. Details of a step that failed are in .setup/log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DEBIAN_PACKAGES=(
    pcscd vsmartcard-vpcd opensc  # a real PC/SC daemon, its virtual readers, a foreign client
    swig libpcsclite-dev pkg-config gcc libc6-dev python3-dev  # pyscard is built from source
    openssl  # the second opinion on cryptography
    softhsm2  # a hardware security module in software
    fonts-noto-cjk fonts-hanazono  # what is printed on cards
    postgresql  # the other database of a centre
)
readonly UV=.setup/uv/bin/uv
export UV_PYTHON_DOWNLOADS=never

say() { printf '==> %s\n' "$*"; }

die() {
    printf 'set-up failed: %s\n' "$*" >&2
    exit 1
}

quietly() { "$@" >>.setup/log 2>&1 </dev/null; }

# A step that needs the package index, with what to do if it does not work.
online() {
    quietly "$@" && return
    tail -n 15 .setup/log >&2
    die "could not fetch or build a package (above; all of it in .setup/log). Check the network and the proxy" \
        "settings (https_proxy), then run the same command again: it goes on where it stopped."
}

# Leaves the real interpreter in PYTHON, also when python3 is a version manager's shim or an activated .venv.
find_python() {
    local name=${PYTHON:-python3} advice major minor
    advice="Install Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3 ..."
    command -v "$name" >/dev/null || die "there is no $name. $advice"
    read -r major minor PYTHON < <("$name" -c '
import os, sys
print(sys.version_info[0], sys.version_info[1], os.path.realpath(getattr(sys, "_base_executable", sys.executable)))') ||
        die "$name does not start. $advice"
    ((major > 3 || (major == 3 && minor >= 11))) || die "$name is Python $major.$minor, too old. $advice"
}

fingerprint() { { printf '%s\n' "$PYTHON" "$PWD" && cat "$@"; } | sha256sum | cut -d ' ' -f 1; }

# done_before STAMP VALUE: whether the step that ends with `done_now STAMP VALUE` has been carried out.
done_before() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
done_now() { printf '%s\n' "$2" >"$1"; }

debian_packages() {
    local installed package missing=() root=() apt
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian. Make sure that the counterparts of these packages are installed: $*"
        return
    fi
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep -qx "$package installed" <<<"$installed" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    say "Installing Debian packages: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "these Debian packages need root and there is no sudo. As root: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120)
    # A machine's own pcscd must not offer the virtual readers, whose driver listens on all addresses.
    apt+=(-o Dpkg::Options::=--path-exclude=/etc/reader.conf.d/vpcd)
    quietly "${apt[@]}" install --no-install-recommends "${missing[@]}" && return
    say "Refreshing the list of Debian packages"
    quietly "${apt[@]}" update &&
        quietly "${apt[@]}" install --no-install-recommends "${missing[@]}" && return
    tail -n 15 .setup/log >&2
    die "apt-get could not install them (above; all of it in .setup/log)." \
        "Once this works, run the same command again: ${root[*]} apt-get install ${missing[*]}"
}

install_uv() {
    local wanted
    wanted=$(fingerprint requirements/uv.txt)
    done_before .setup/uv/stamp "$wanted" && return
    say "Installing uv into .setup/uv"
    rm -rf .setup/uv
    quietly "$PYTHON" -m venv .setup/uv ||
        die "$PYTHON could not make a virtual environment (.setup/log says why). On Debian: apt-get install python3-venv"
    online .setup/uv/bin/python -m pip install --disable-pip-version-check --only-binary :all: --require-hashes \
        -r requirements/uv.txt
    done_now .setup/uv/stamp "$wanted"
}

# One .venv for everything: the development environment also serves where the runtime one is asked for.
environment() {
    local kind=$1 lock=$2 wanted
    wanted=$(fingerprint requirements/*.txt pyproject.toml tools/setup.sh)
    done_before .venv/stamp "development $wanted" && return
    done_before .venv/stamp "$kind $wanted" && return
    install_uv
    say "Installing $lock into .venv ($kind)"
    quietly "$UV" venv --clear --python "$PYTHON" .venv || die "could not make .venv; .setup/log says why"
    online "$UV" pip sync --python .venv --require-hashes --build-constraints requirements/build.txt "$lock"
    say "Installing sscard itself, editable"
    online "$UV" pip install --python .venv --no-deps --build-constraints requirements/build.txt --editable .
    done_now .venv/stamp "$kind $wanted"
}

# node_packages FOLDER WHAT: the packages that FOLDER/package-lock.json names.
node_packages() {
    local folder=$1 what=$2 wanted
    wanted=$(fingerprint "$folder/package-lock.json")
    done_before "$folder/node_modules/stamp" "$wanted" && return
    command -v npm >/dev/null || debian_packages nodejs npm
    say "Installing $what into $folder/node_modules"
    online npm ci --prefix "$folder" --ignore-scripts
    done_now "$folder/node_modules/stamp" "$wanted"
}

mkdir -p .setup
: >.setup/log
find_python
case "${1-}" in
    runtime) environment runtime requirements/runtime.txt ;;
    development)
        debian_packages "${DEBIAN_PACKAGES[@]}"
        environment development requirements/dev.txt
        node_packages examples/nodejs "what the example in Node needs"
        ;;
    buf) node_packages tools buf ;;
    uv) install_uv ;;
    *) die "usage: tools/setup.sh runtime|development|buf|uv" ;;
esac
