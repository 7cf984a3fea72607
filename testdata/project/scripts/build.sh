#!/bin/sh
# SPDX-License-Identifier: LicenseRef-Northwind
#
# Builds the services, the firmware, and the page, in that order.
# The first failure stops the script, so the last line on the screen
# is the one to read.
set -eu

cd "$(dirname "$0")/.."

# The services are separate crates on purpose: a partner who works on
# one of them does not need the other.
for crate in services/api services/billing; do
    (cd "$crate" && cargo test --quiet)
done

# The firmware is built for this machine here. The cross compiler is
# only on the release host.
cc -std=c11 -Wall -Wextra -Werror -o firmware/scanner firmware/src/*.c

(cd web/ui && npm test)

echo "build: all good"
