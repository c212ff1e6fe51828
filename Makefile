# bcfs: the targets that people expect. Everything is done by npm; see package.json.
PREFIX ?= /usr/local
DESTDIR ?=
# mount(8) looks for helpers of file system types here, and nowhere else.
SBINDIR ?= /sbin

lib = $(PREFIX)/lib/bcfs
man = $(PREFIX)/share/man/man8

.PHONY: all build test test-cgroup2 soak check bench demo install uninstall clean

all: build

node_modules: package-lock.json
	npm ci
	touch node_modules

build: node_modules
	npm run build

# Everything: build, types, lint, tests.
test: node_modules
	npm test

# What depends on cgroup v2, in an emulated machine: minutes, and Debian's packages.
test-cgroup2: node_modules
	npm run test:cgroup2

# What a night is for: faults, fuzzers with 100,000 cases each, all parts of the benchmark, ten minutes of 32 clients.
soak: build
	npm run test:soak
	npm run bench -- endurance 600 32

# What is quick: types and lint.
check: node_modules
	npm run build
	npm run lint

bench: build
	npm run bench

demo: build
	npm run demo

# With the packages that it needs at run time, and no others.
install: build
	install -d '$(DESTDIR)$(lib)' '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(man)' '$(DESTDIR)$(SBINDIR)'
	cp -R bin package.json LICENSE '$(DESTDIR)$(lib)/'
	install -d '$(DESTDIR)$(lib)/dist' && cp -R dist/lib '$(DESTDIR)$(lib)/dist/'
	npm ls --omit=dev --all --parseable | sed -n 's|^$(CURDIR)/\(node_modules/.*\)|\1|p' | \
	  while read -r package; do \
	    install -d "$(DESTDIR)$(lib)/$$package" && cp -R "$$package/." "$(DESTDIR)$(lib)/$$package/"; \
	  done
	ln -sf '$(lib)/bin/bcfs' '$(DESTDIR)$(PREFIX)/bin/bcfs'
	ln -sf '$(lib)/bin/mount.bcfs' '$(DESTDIR)$(SBINDIR)/mount.bcfs'
	install -m 644 man/bcfs.8 '$(DESTDIR)$(man)/bcfs.8'

uninstall:
	rm -rf '$(DESTDIR)$(lib)'
	rm -f '$(DESTDIR)$(PREFIX)/bin/bcfs' '$(DESTDIR)$(SBINDIR)/mount.bcfs' '$(DESTDIR)$(man)/bcfs.8'

clean:
	rm -rf dist .tap node_modules
