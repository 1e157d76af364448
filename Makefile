# SPDX-License-Identifier: GPL-2.0-or-later
# For people: every target is one command; the kernel's build reads Kbuild.
# Everything is made under build/.

CACHE := $(or $(PVPACK_CACHE),$(HOME)/.cache/pvpack)
# The modules' kernel: Debian's stock one as set up, or KDIR=/path/to/build.
RELEASE ?= $(notdir $(realpath $(CACHE)/kernels/stock))
KDIR ?= /lib/modules/$(RELEASE)/build
WERROR := -Werror

all: backend modules guest ## build everything

setup: ## install what the scripts need and fetch a stock kernel
	scripts/setup

backend: ## build the daemon: build/pvbackend
	$(MAKE) --no-print-directory -C host-backend CPPFLAGS=$(WERROR)

modules: ## build pvblk.ko and pvnet.ko: build/modules/KERNEL/
	@test -n "$(RELEASE)" || { echo "no stock kernel: run scripts/setup, or give RELEASE= and KDIR=" >&2; exit 1; }
	scripts/build-modules $(KDIR) build/modules/$(RELEASE) KCFLAGS=$(WERROR)

install-modules: ## install the modules into a guest's root: DESTDIR=/mnt
	@test -e build/modules/$(RELEASE)/pvblk.ko || { echo "no modules for $(RELEASE): run make modules first" >&2; exit 1; }
	install -d $(DESTDIR)/lib/modules/$(RELEASE)/updates $(DESTDIR)/lib/modprobe.d
	install -m 644 build/modules/$(RELEASE)/*.ko $(DESTDIR)/lib/modules/$(RELEASE)/updates/
	install -m 644 drivers/pvpack-modprobe.conf $(DESTDIR)/lib/modprobe.d/pvpack.conf
	depmod -b $(DESTDIR)/ $(RELEASE)

guest: ## build the programs that run inside test guests
	$(MAKE) --no-print-directory -C tests/guest OUT=$(CURDIR)/build/guest

check: ## run every test; the last line counts them
	scripts/check

e2e: ## run only the end-to-end tests
	scripts/check e2e

demo: ## measure PV against emulated devices and write build/report/
	scripts/demo

bench: ## print the figures of every benchmark beside their peers
	scripts/bench

bench-%: ## print the figures of one benchmark: bench-blk, ...
	scripts/bench $*

lint: ## check style and run the static analysers
	scripts/lint

clean: ## remove everything that was built
	rm -rf build

help: ## show this list
	@sed -n 's/^\([a-z0-9%-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: all setup backend modules install-modules guest check e2e demo bench lint clean help
