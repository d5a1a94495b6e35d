# Each target does all the set-up it needs. See CONTRIBUTING.md.
.PHONY: demo test conformance build release wheel wheels bench lint format fuzz sanitize bootstrap clean

build: bootstrap
	cmake --preset default
	cmake --build --preset default

demo: build
	scripts/demo

test: wheel
	scripts/test

conformance: wheel
	scripts/conformance

wheel: build
	scripts/wheel

wheels: build release
	BERTH_BINARY=build/release/bin/berth scripts/wheels

release: bootstrap
	cmake --preset release
	cmake --build --preset release

bench: build
	scripts/bootstrap-bench
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
