# Each target does all the set-up it needs. See CONTRIBUTING.md.
.PHONY: demo test build release bench lint format fuzz sanitize bootstrap clean

build: bootstrap
	cmake --preset default
	cmake --build --preset default

demo: build
	scripts/demo

test: build
	scripts/test

release: bootstrap
	cmake --preset release
	cmake --build --preset release

bench: build
	build/venv/bin/python bench/run.py

sanitize: bootstrap
	scripts/sanitize

fuzz: bootstrap
	scripts/fuzz

lint: build
	scripts/lint

format:
	git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

bootstrap:
	scripts/bootstrap

clean:
	rm -rf build
