# What can be done here. `make` alone says it again.
.DEFAULT_GOAL := help
.PHONY: help build run demo test check bench fuzz soak-audit soak-security soak-sim soak-histories soak-chaos soak-load fmt clean

help: ## Says what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

build: ## Builds the host, the SDK and the examples, optimised
	cargo build --workspace --release --locked

run: ## Starts the host with two runtimes and stays; Ctrl-C stops all of it
	@scripts/run.sh

demo: ## Starts the same on free ports: calls, a stream, nested calls, refusals explained, an approval, a local run, a revocation, a failover, a swap under load, a forged log found
	@scripts/demo.sh

test: ## Runs every test: crates, fuzz targets for 30 s each, the Python SDK and example, the demo
	@scripts/test.sh

check: ## Checks format, lints, types, house rules, licences and sources
	@scripts/check.sh

bench: ## Measures, and writes the figures down
	@scripts/bench.sh

fuzz: ## Runs every fuzz target for a while; FUZZ_SECONDS=600 for longer
	@tests/fuzz/run.sh $${FUZZ_SECONDS:-30}

soak-audit: ## Kills, fails, fills and tampers with audit logs for an hour; SOAK_MINUTES=600 for longer
	@scripts/soak-audit.sh

soak-security: ## Attacks hosts in every known way for an hour; SOAK_MINUTES=600 for longer
	@scripts/soak-security.sh

soak-sim: ## Runs new seeds of a simulated host for an hour; SOAK_MINUTES=600 for longer
	@scripts/soak-seeds.sh sim

soak-histories: ## Holds new histories of what many do at once against one thing after the other, for an hour; SOAK_MINUTES=600 for longer
	@scripts/soak-seeds.sh histories

soak-chaos: ## Kills, stops and replaces runtimes of a host under load for five minutes; CHAOS_MINUTES=60 for longer
	@scripts/soak-seeds.sh chaos

soak-load: ## Holds a host at 60% of its best for an hour, with a fault every 30 s, and says what grew; SOAK_MINUTES=600 for longer
	@scripts/soak-seeds.sh load

fmt: ## Formats everything
	cargo fmt --all

clean: ## Removes what was built and what `make run` left
	cargo clean
	rm -rf .run examples/quickstart-python/.venv examples/quickstart-python/build sdk/python/.venv sdk/python/build tests/fuzz/target
