# A thin layer over cargo. `make help` lists the goals.

CARGO  ?= cargo
PREFIX ?= /usr/local
TARGET := $(or $(CARGO_TARGET_DIR),target)

# Objects without std are built apart from the rest: in one call, cargo would build the crates
# that both use with std, and the objects would be linked to it.
OBJECTS := partage partage-preload partage-ipcs partage-trace partage-android-shmem
# Libraries of the objects, without std as well.
PARTS   := partage-abi partage-capture partage-runtime
STD     := --workspace $(addprefix --exclude ,$(OBJECTS) $(PARTS))

.PHONY: all build header run test check lint unit doc rustdoc book links install deb dist dist-aarch64 wheel wheel-static wheel-aarch64 bench clean help
.PHONY: test-musl test-bionic test-aarch64 test-cross test-package test-container test-dist test-dist-aarch64 test-wheel test-wheel-aarch64 test-cinstall check-abi abi-record
.PHONY: deny check-install test-crash test-storm test-sanitizers fuzz
.PHONY: setup-build setup-run setup-test setup-bench setup-fuzz setup-cross setup-deb setup-package setup-doc setup-wheel setup-bionic

# Says what is begun, and at its end how long it took.
TIMED = scripts/timed.sh

all: build ## Build every object and the command, in $(TARGET)/release

build: setup-build
	for object in $(OBJECTS); do $(CARGO) build --release -p $$object || exit; done
	$(CARGO) build --release -p partage-cli

header: build ## Update include/partage.h from the sources
	cp "$$(ls -t $(TARGET)/release/build/partage-[0-9a-f]*/out/partage.h | head -n 1)" include/partage.h

run: setup-run build ## A demonstration: C programs and PostgreSQL, without the kernel's calls
	scripts/demo.sh $(TARGET)/release

test: setup-test ## All tests and checks, as CI runs them
	@$(TIMED) "the build" $(MAKE) --no-print-directory build
	@$(TIMED) "formatting, lints, documentation, links" $(MAKE) --no-print-directory check
	@$(TIMED) "all tests" $(MAKE) --no-print-directory unit
	@$(TIMED) "an installation" $(MAKE) --no-print-directory check-install

check: setup-build rustdoc links lint ## Formatting; lints and documentation without warnings, fuzz/ too; links

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml -- --check
	for object in $(OBJECTS) $(PARTS); do \
	    $(CARGO) clippy -p $$object --all-targets -- -D warnings || exit; done
	$(CARGO) clippy $(STD) --all-targets -- -D warnings
	CUSTOM_LIBFUZZER_PATH=/none/libfuzzer.a \
	    $(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)/fuzz-check -- -D warnings

doc: rustdoc book ## The documentation as a site, in $(TARGET)/book/html; Rust's, in $(TARGET)/doc

rustdoc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items $(STD)
	for part in $(PARTS); do \
	    RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items -p $$part || exit; done

book: setup-doc
	scripts/book.py $(TARGET)/book

links:
	scripts/book.py --links-only

unit: build ## All tests, without the checks
	PARTAGE_TEST_ALL=1 $(CARGO) test --workspace

install: build ## Install under PREFIX (/usr/local); DESTDIR is put before every path
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" packaging/install.sh $(TARGET)/release

deb: setup-deb build ## Debian packages, in $(TARGET)/debian
	packaging/deb.sh binary $(TARGET)/debian $(TARGET)/release

dist: setup-build ## The release archive, in $(TARGET)/dist
	packaging/dist.sh $(TARGET)/dist

dist-aarch64: setup-cross ## The release archive for aarch64
	packaging/dist.sh $(TARGET)/dist aarch64-unknown-linux-gnu

wheel: setup-wheel build ## A Python wheel of what is built, in $(TARGET)/wheels
	packaging/wheel.sh $(TARGET)/wheels $(TARGET)/release

wheel-static: setup-wheel build ## A wheel for glibc and musl: the command in it is a static program
	RUSTFLAGS=-Ctarget-feature=+crt-static $(CARGO) build --release -p partage-cli --target-dir $(TARGET)/static \
	    --target "$$(rustc -vV | sed -n 's/^host: //p')"
	mkdir -p $(TARGET)/static/all
	cp $(TARGET)/release/libpartage*.so $(TARGET)/release/libpartage.a $(TARGET)/static/*/release/partage $(TARGET)/static/all
	packaging/wheel.sh $(TARGET)/wheels $(TARGET)/static/all

wheel-aarch64: setup-cross setup-wheel ## A wheel for aarch64, for glibc and musl
	STRIP=aarch64-linux-gnu-strip RUNNER=qemu-aarch64-static packaging/wheel.sh $(TARGET)/wheels \
	    "$$(packaging/cross.sh aarch64-unknown-linux-gnu $(TARGET)/cross static)"

test-musl: setup-test build ## The C suite with musl, preloaded and static
	PARTAGE_TEST_ALL=1 $(CARGO) test -p partage-tests --test musl

test-bionic: setup-bionic build ## The C suite with Android's C library; KIT=DIR names a kit of it; needs root
	BIONIC_KIT=$(abspath $(KIT)) PARTAGE_TEST_ALL=1 $(CARGO) test -p partage-tests --test android --test bionic --test symbols --test proot \
	    -- --include-ignored

test-aarch64: setup-cross build ## The C suite on aarch64, emulated: static and preloaded
	PARTAGE_TEST_TIMEOUT=55 $(CARGO) test -p partage-tests --test architectures -- --ignored aarch64

test-cross: setup-cross build ## The C suite on i686, riscv64 and aarch64; 32 and 64 bits together; others type-checked
	PARTAGE_TEST_TIMEOUT=55 $(CARGO) test -p partage-tests --test architectures -- --ignored

test-package: setup-package ## The Debian packages: built, checked and used in separate Debian roots; needs root
	scripts/check-package.sh $(TARGET)/debian $(ROOT)

test-container: setup-package deb ## examples/containers in a copy of the Debian root ROOT=DIR; needs root
	scripts/check-container.py $(ROOT) $$(ls -t $(TARGET)/debian/partage_*.deb | head -n 1)

test-dist: setup-build ## The release archive: built twice, the same bytes; installed and used
	scripts/check-dist.sh $(TARGET)/dist

test-dist-aarch64: setup-cross ## The release archive for aarch64: the same, used under emulation
	scripts/check-dist.sh $(TARGET)/dist aarch64-unknown-linux-gnu

test-wheel-aarch64: wheel-aarch64 ## The wheel for aarch64: its tags and contents, its command under emulation
	scripts/check-foreign-wheel.sh $(TARGET)/wheels qemu-aarch64-static

test-wheel: wheel ## The wheel: installed; its pytest plugin on suites that leak and that do not
	scripts/check-wheel.sh $(TARGET)/wheels

test-cinstall: setup-test build ## What `cargo cinstall` installs; needs cargo-c
	PARTAGE_TEST_ALL=1 $(CARGO) test -p partage-tests --test install -- --ignored cinstall

check-abi: setup-test ## Compare the binary interface with the last release's, and the object with the header
	packaging/abi.sh check packaging/partage.abi
	CARGO_PROFILE_RELEASE_DEBUG=full CARGO_PROFILE_RELEASE_LTO=off \
	    $(CARGO) build --quiet --release -p partage --target-dir $(TARGET)/abi
	packaging/abi.sh agree $(TARGET)/abi/release/libpartage.so

deny: ## All crates' licences, origins and known vulnerabilities; needs cargo-deny and the network
	$(CARGO) deny check
	$(CARGO) deny --manifest-path fuzz/Cargo.toml --config deny.toml check

abi-record: ## Record the binary interface, for a release
	packaging/abi.sh record packaging/partage.abi

# The harnesses in full; docs/reliability.md says which of them `make test` runs a part of.
HARNESS := $(CARGO) test --release -p partage-reliability --test

test-crash: setup-test ## SIGKILL at every instruction, SIGSTOP, every system call failing
	PARTAGE_CRASH_POINTS=$(or $(POINTS),all) $(HARNESS) crash
	PARTAGE_STOP_POINTS=200 $(HARNESS) stop
	$(HARNESS) faults
	$(HARNESS) environment

test-sanitizers: setup-test build ## The C suite and the core under AddressSanitizer, ThreadSanitizer, valgrind
	PARTAGE_TEST_ALL=1 $(CARGO) test -p partage-tests --test sanitizers -- --include-ignored --test-threads=1
	for tool in address thread; do \
	    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=$$tool -Cunsafe-allow-abi-mismatch=sanitizer" \
	    TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.suppressions $(CARGO) test -p partage-core --lib \
	    --target "$$(rustc -vV | sed -n 's/^host: //p')" --target-dir $(TARGET)/sanitized || exit; done

test-storm: setup-test ## Many processes that make all calls at once and are killed; SECONDS=n
	PARTAGE_STORM_SECONDS=$(or $(SECONDS),90) $(HARNESS) storm

fuzz: setup-fuzz ## Arbitrary bytes: fuzz/, and changes to a registry in use; RUNS=n, MUTATIONS=n, SEED=n
	RUNS=$(or $(RUNS),100000) scripts/fuzz.sh
	PARTAGE_MUTATIONS=$(or $(MUTATIONS),1000000) \
	    PARTAGE_HOSTILE_SEED=$(or $(SEED),$(shell date +%s)) $(HARNESS) hostile

check-install: build
	scripts/check-install.sh >/dev/null

bench: setup-bench build ## Measure partage and the kernel's calls; BENCH=--quick for less
	$(CARGO) build --release -p partage-bench
	$(TARGET)/release/partage-bench $(BENCH)

clean: ## Remove what was built
	$(CARGO) clean

setup-build setup-run setup-test setup-bench setup-fuzz setup-cross setup-deb setup-package setup-doc setup-wheel setup-bionic: setup-%:
	@scripts/setup.sh $*

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1	/p' $(MAKEFILE_LIST) | sed 's|$$(TARGET)|$(TARGET)|g' | expand -t 22
