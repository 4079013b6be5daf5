# Every act that a person performs here. Each sets up what it needs; a second call does not install again.

PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
DATA ?= ../shared/data
# The commit of the first bundle that shipped.
FIRST = 67c9e9f

BACKBONE_PAGE = .venv-dev/bin/python docs/make_backbone.py src/undertone/backbones/phones-en \
	results/backbones/phones-en docs/explanation/backbone.md docs/images

.PHONY: demo test test-slow lint baselines bench claims folds meld train-compact train-compacts train-again train-without-ravdess train-default train-commercial train-qieemo-compact train-multilevel train-asr train-asr-again train-asr-small train-whisper-phones example clean

demo: .venv/ready
	.venv/bin/undertone analyze examples/conversation.flac --names Anna,Ben --format table --format html --out out

test: .venv-dev/ready
	.venv-dev/bin/pytest -n auto --dist loadscope

test-slow: .venv-dev/ready
	.venv-dev/bin/pytest -m "slow or browser"

lint: .venv-dev/ready
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy

baselines: .venv-dev/ready
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone crossval \
		experiments/baselines.toml --data $(DATA) --work runs/crossval --results results/baselines

claims: claims-qieemo claims-multilevel

claims-%: .venv-dev/ready
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone claims \
		experiments/$* --data $(DATA) --work runs/claims --results results/$*
	.venv-dev/bin/python docs/make_claims.py results/$* docs/explanation/$*-claims.md docs/images

meld: .venv-dev/ready
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone claims \
		experiments/multilevel --only B-T --data $(DATA) --work runs/claims --results results/multilevel
	.venv-dev/bin/python docs/make_meld.py results/multilevel docs/explanation/meld.md

bench: .venv/ready .venv-dev/ready
	.venv-dev/bin/python benchmarks/demo.py --beside c9ede0e --beside $(FIRST) --out benchmarks/results
	.venv/bin/python benchmarks/timeline.py --data $(DATA) --out benchmarks/results $(if $(BESIDE),--beside $(BESIDE))
	.venv/bin/python benchmarks/turns.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/extraction.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/crossval.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/systems.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/streaming.py --data $(DATA) --out benchmarks/results
	$(BACKBONE_PAGE)
	.venv-dev/bin/python docs/make_claims.py results/qieemo docs/explanation/qieemo-claims.md docs/images
	.venv-dev/bin/python benchmarks/voice.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/alignment.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/transcribers.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/reading.py --data $(DATA) --out benchmarks/results
	.venv-dev/bin/python benchmarks/segments.py --data $(DATA) --out benchmarks/results

train-compact train-compacts: train-%: .venv-dev/ready
	.venv-dev/bin/undertone train experiments/$*.toml --data $(DATA) --work runs/$* --results results/$*.json
	.venv-dev/bin/python docs/make_beside.py results/qieemo-compact.json results/$*.json docs/explanation/qieemo-compact.md

train-again: .venv-dev/ready
	.venv-dev/bin/undertone train experiments/qieemo-compact.toml --data $(DATA) --work runs/again --results results/again.json
	.venv-dev/bin/python docs/make_beside.py results/qieemo-compact.json results/again.json docs/explanation/qieemo-compact.md

train-without-ravdess: .venv-dev/ready
	.venv-dev/bin/undertone train experiments/without-ravdess.toml --data $(DATA) --work runs/without-ravdess \
		--results results/without-ravdess.json
	.venv-dev/bin/python docs/make_unseen.py results/without-ravdess.json docs/explanation/qieemo-compact.md

train-default: .venv-dev/ready
	OMP_NUM_THREADS=2 .venv-dev/bin/undertone train experiments/default.toml --data $(DATA) --work runs/default \
		--install src/undertone/bundles/default --results results/default.json
	.venv-dev/bin/python docs/make_strangers.py results/default.json docs/explanation/default-model.md

train-commercial: .venv-dev/ready
	mkdir -p runs/commercial
	cp src/undertone/bundles/default/model.onnx runs/commercial/  # one encoder for both
	OMP_NUM_THREADS=2 .venv-dev/bin/undertone train experiments/commercial.toml --data $(DATA) --work runs/commercial \
		--install src/undertone/bundles/commercial --results results/commercial.json
	rm src/undertone/bundles/commercial/model.onnx  # the default bundle lends it
	.venv-dev/bin/python docs/make_strangers.py results/commercial.json docs/explanation/commercial-model.md

train-qieemo-compact: .venv-dev/ready
	.venv-dev/bin/undertone train experiments/qieemo-compact.toml --data $(DATA) --work runs/qieemo-compact \
		--install src/undertone/bundles/qieemo-compact --results results/qieemo-compact.json
	.venv-dev/bin/python docs/make_scores.py src/undertone/bundles/qieemo-compact/card.json docs/explanation/qieemo-compact.md
	.venv-dev/bin/python docs/make_beside.py results/qieemo-compact.json results/compact.json docs/explanation/qieemo-compact.md
	.venv-dev/bin/python docs/make_beside.py results/qieemo-compact.json results/compacts.json docs/explanation/qieemo-compact.md
	.venv-dev/bin/python docs/make_beside.py results/qieemo-compact.json results/again.json docs/explanation/qieemo-compact.md

train-multilevel: .venv-dev/ready
	.venv-dev/bin/undertone train experiments/multilevel.toml --data $(DATA) --work runs/multilevel \
		--results results/multilevel.json
	mkdir -p src/undertone/bundles/multilevel
	cp runs/multilevel/recipe/* src/undertone/bundles/multilevel
	.venv-dev/bin/python docs/make_scores.py src/undertone/bundles/multilevel/card.json docs/explanation/multilevel.md

folds: .venv-dev/ready
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone crossval \
		experiments/qieemo-folds.toml --data $(DATA) --work runs/claims --results results/qieemo-folds
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone crossval \
		experiments/compact-folds.toml --data $(DATA) --work runs/claims --results results/qieemo-folds
	OMP_NUM_THREADS=1 .venv-dev/bin/torchrun --standalone --nproc-per-node cpu -m undertone crossval \
		experiments/whisper-folds.toml --data $(DATA) --work runs/crossval --results results/whisper-folds
	.venv-dev/bin/python docs/make_folds.py results/qieemo-folds results/baselines docs/explanation/qieemo-folds.md
	.venv-dev/bin/python docs/make_whisper_folds.py results/whisper-folds results/baselines docs/explanation/whisper-folds.md

train-asr-small: .venv-dev/ready
	.venv-dev/bin/undertone asr train experiments/asr-small.toml --data $(DATA) --work runs/asr-small \
		--install src/undertone/backbones/phones-en-small --results results/backbones/phones-en-small
	$(BACKBONE_PAGE)

train-asr: .venv-dev/ready
	.venv-dev/bin/undertone asr train experiments/asr.toml --data $(DATA) --work runs/asr \
		--install src/undertone/backbones/phones-en --results results/backbones/phones-en
	$(BACKBONE_PAGE)

train-whisper-phones: .venv-dev/ready
	.venv-dev/bin/undertone asr train experiments/whisper-phones.toml --data $(DATA) --work runs/whisper-phones \
		--install src/undertone/backbones/whisper-phones-en --results results/backbones/whisper-phones-en
	rm src/undertone/backbones/whisper-phones-en/recogniser.onnx  # 28 MB, which `undertone asr export` writes again
	$(BACKBONE_PAGE)

train-asr-again: .venv-dev/ready
	.venv-dev/bin/undertone asr train experiments/asr.toml --data $(DATA) --work runs/asr-again \
		--results results/backbones/phones-en-again
	$(BACKBONE_PAGE)

example: .venv-dev/ready
	.venv-dev/bin/python examples/make_conversation.py examples/conversation.flac

clean:
	rm -rf .venv .venv-dev out

.venv/ready: pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error Python 3.11 or newer is needed and was not found))
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv-dev/ready: pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error Python 3.11 or newer is needed and was not found))
	$(PYTHON) -m venv .venv-dev
	.venv-dev/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,train,text,whisper,whisper-base]"
	touch $@
