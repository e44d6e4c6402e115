# Development and the quick start. `make help` lists the targets.
VENV := .venv
BIN := $(VENV)/bin

FLINK := build/flink
BEAM := 2.77.0

.PHONY: help env run test test-flink test-mysql bench lint lock protos clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /	/' | expand -t 12

env:  ## make the environment in .venv from requirements.lock
	@scripts/make-env

run: env  ## make synthetic images, run the pipeline on them, publish a model
	@$(BIN)/breast-imaging run --config synthetic

test: env  ## run all tests, in two processes
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: env  ## measure everything, into a table and runs/bench.json; at most 20 minutes on two cores
	@mkdir -p runs
	@$(BIN)/python -m benchmarks --json runs/bench.json

test-mysql: env  ## test metadata on a MariaDB server; needs Debian's mariadb-server-core and mariadb-client-core
	@command -v mariadbd mariadb-install-db >/dev/null || \
	  { echo "mariadbd is missing: apt-get install mariadb-server-core mariadb-client-core" >&2; exit 1; }
	@$(BIN)/python -m pytest -m mysql tests/pipeline/test_mysql_metadata.py

test-flink: env  ## run the Beam steps on a Flink of their own; needs Java 11 or newer, Maven and Go
	@mvn -q -B -f tests/flink/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
	    -DoutputDirectory=$(CURDIR)/$(FLINK)/lib
	@GOBIN=$(CURDIR)/$(FLINK) go install github.com/apache/beam/sdks/v2/python/container@v$(BEAM)
	@$(BIN)/python -m pytest -m flink --verbose --durations=0 tests/flink

lint: env  ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: env  ## resolve the dependencies anew into requirements.lock
	@scripts/make-lock

protos: env  ## make serving/wire/messages_pb2 from messages.proto
	@scripts/make-protos

clean:  ## remove the environment, runs and caches
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
