# `make` alone lists what there is. Needs Python 3.11 or newer and make; everything else goes into .venv.

VENV   ?= .venv
BASE   ?= python3
CASES  ?= 200000
KILLS  ?= 200
JOBS   ?= auto
DEMO   := specs/lenet/lenet5.arch
ON_GPU := $(addprefix tests/test_,torch_ways.py initialise.py training_memory.py train_devices.py train_gpu.py train_resume.py train_killed.py)
OUT    := out

PYTHON  := $(VENV)/bin/python
ARCHDSL := $(VENV)/bin/archdsl
READY   := $(VENV)/.ready
BENCH   := $(VENV)/.ready-bench
BROWSER := $(VENV)/.ready-browser

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench errata test-slow kills hosts cuda lowest zoo ways golden pictures browser gallery clean

help: ## Show this list
	@echo "archdsl: the language in which neural-network architectures are written down"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## LeNet-5 checked, summed up, compiled, trained on digits, drawn; a table verified
	@mkdir -p $(OUT)
	@printf '\n== 1/6  Check: every mistake in one run ==\n'
	$(ARCHDSL) check $(DEMO)
	@printf '\n== 2/6  Summary: a row a layer ==\n'
	$(ARCHDSL) summary $(DEMO)
	@printf '\n== 3/6  Verify: every cell of a printed table, here the first of the SqueezeNet paper ==\n'
	$(ARCHDSL) verify specs/squeezenet
	@printf '\n== 4/6  Compile: PyTorch source to read and keep ==\n'
	$(ARCHDSL) compile $(DEMO) -o $(OUT)/lenet5.py
	@printf '\n== 5/6  Train: 1,797 real handwritten digits ==\n'
	$(ARCHDSL) train $(DEMO) -o $(OUT)/lenet5 --overwrite
	@printf '\n== 6/6  Draw ==\n'
	$(ARCHDSL) draw $(DEMO) -o $(OUT)/lenet5.svg
	@printf '\nDone. The results lie in %s/:\n' $(OUT)
	@find $(OUT) -type f | sort | sed 's/^/  /'

test: lint ## Lint, types and every test
	$(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal

lint: $(READY) ## Ruff and mypy alone
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test-slow: $(READY) ## Generated cases against PyTorch, CASES=200000 of them
	ARCHDSL_CASES=$(CASES) $(PYTHON) -m pytest -q -m cases -n $(JOBS) --dist worksteal

kills: $(READY) ## A run killed KILLS=200 times, some inside its writes, and as many recipes stopped, equal those that were not
	ARCHDSL_KILLS=$(KILLS) $(PYTHON) -m pytest -q tests/test_train_killed.py tests/test_train_any_recipe.py

hosts: $(READY) ## Two machines as network namespaces, a worker killed, a full tmpfs (Linux, 5 minutes)
	$(PYTHON) -m pytest -q -m hosts tests/test_train_hosts.py

cuda: $(READY) ## What is claimed of NVIDIA GPUs, on one of them
	$(PYTHON) -m pytest -q -m cuda -n 4 --dist worksteal $(ON_GPU)

lowest: ## Every test with the oldest versions that pyproject.toml allows, in .venv-lowest (GPU build of torch: 5 GB)
	$(BASE) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check -q uv
	.venv-lowest/bin/uv pip install -q --python .venv-lowest/bin/python --resolution lowest-direct -e '.[dev,bench]'
	.venv-lowest/bin/python -m pytest -q -n $(JOBS) --dist worksteal

zoo: $(READY) ## All of specs/ as functions: equal to torchvision's, the largest too (9 GB)
	ARCHDSL_ZOO=all $(PYTHON) -m pytest -q -n 2 --dist loadfile tests/test_zoo.py tests/test_zoo_torchvision.py

ways: $(READY) ## The source of every network: ruff, mypy, and all that PyTorch does with a module
	ARCHDSL_ZOO=all $(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal tests/test_source_style.py tests/test_torch_ways.py

bench: $(BENCH) ## Time and memory beside torchinfo, torchvision and a plain training loop; CIFAR10=cifar10:DIR: to 94%
	$(PYTHON) -m tests.benchmarks $(CIFAR10)

golden: $(READY) ## Write the expected texts of tests/golden anew; read the diff
	ARCHDSL_GOLDEN=write $(PYTHON) -m pytest -q -m golden
	@git --no-pager diff --stat -- tests/golden

pictures: $(READY) ## Every network of specs/ in every style and format, read back
	ARCHDSL_ZOO=all $(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal tests/test_draw_zoo.py tests/test_draw_volumes.py tests/test_draw_formats.py

browser: $(BROWSER) ## The html page driven in Chromium (apt-get install chromium); not in `make test`
	$(PYTHON) -m pytest -q -m browser tests/test_draw_browser.py

gallery: $(READY) ## Draw the pictures of specs/gallery anew
	@mkdir -p specs/gallery
	$(ARCHDSL) draw zoo:lenet5 --style table -o specs/gallery/lenet5.svg
	$(ARCHDSL) draw zoo:alexnet --style volumes -o specs/gallery/alexnet.svg
	$(ARCHDSL) draw zoo:vgg16 --style volumes -o specs/gallery/vgg16.svg
	$(ARCHDSL) draw zoo:googlenet -o specs/gallery/googlenet.svg
	$(ARCHDSL) draw zoo:resnet18 --style volumes -o specs/gallery/resnet18.svg
	$(ARCHDSL) draw zoo:resnet50 -o specs/gallery/resnet50.svg
	$(ARCHDSL) draw zoo:resnet50 --depth 2 --heat macs -o specs/gallery/resnet50_macs.svg
	$(ARCHDSL) draw zoo:densenet121 -o specs/gallery/densenet121.svg
	$(ARCHDSL) draw zoo:unet --style volumes -o specs/gallery/unet.svg
	$(ARCHDSL) draw zoo:siamese -o specs/gallery/siamese.svg
	$(ARCHDSL) draw zoo:nasnet_large --depth 1 -o specs/gallery/nasnet_large.svg
	$(ARCHDSL) draw zoo:vit_b_16 -o specs/gallery/vit_b_16.svg

errata: $(READY) ## Every table and claim of specs/ against its network; the misprints as a page
	@mkdir -p $(OUT)
	$(ARCHDSL) verify specs/ --report $(OUT)/errata.md

clean: ## Remove what was built, the environment too
	rm -rf $(VENV) .venv-lowest $(OUT) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find archdsl tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(BASE) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make BASE=python3.12 …"; exit 1; }
	@echo "Making $(VENV); this takes a minute or two, once."
	$(BASE) -m venv $(VENV)
	$(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt --no-deps torchvision
	@touch $@

$(BENCH): $(READY)
	$(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt --no-deps torchinfo
	@touch $@

$(BROWSER): $(READY)
	$(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt playwright
	@touch $@
