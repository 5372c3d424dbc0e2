# Pins, wheel, sdist, release: what of this is for others' machines.
.PHONY: pins wheel sdist release

# After a change of a requirement; UPGRADE=1 takes what is new, for PINNED alone.
PINNED := 3.11 3.12 3.13 3.14
pins: $(VENV)/.release ## resolve python/pins (UPGRADE=1 to renew, PINNED=3.13 for one)
	@for python in $(PINNED); do $(VENV)/bin/uv pip compile --quiet --no-annotate \
	  --custom-compile-command 'make pins' --no-strip-extras $(if $(UPGRADE),--upgrade) \
	  --python-version $$python --python-platform x86_64-manylinux_2_28 \
	  -o python/pins/$$python.txt python/requirements*.txt docs/requirements.txt \
	  > /dev/null && echo "python/pins/$$python.txt: $$(grep -c == \
	  python/pins/$$python.txt) packages" || exit 1; done

$(VENV)/.release: python/requirements-release.txt | $(VENV)/.installed
	@$(PIP) -r python/requirements-release.txt -c $(PINS)
	@touch $@

# One file that pip installs where nothing but python3 is; on Debian 12, for the oldest
# glibc that it then runs on.
wheel: $(VENV)/.release ## dist/drml_caffe-*.whl for this Python, any processor, libraries inside
	$(call say,system packages and OpenCV for the wheel)
	@[ '$(PACKAGES)' = present ] || caffe_ext/install_packages.sh caffe_ext/wheel_packages.txt
	@caffe_ext/wheel_opencv.sh $(BUILD)/opencv
	$(call say,a wheel with $(JOBS) jobs (log: $(BUILD)/wheel.log))
	@[ ! -d $(BUILD)/caffe-pristine ] || export CAFFE_SOURCE='$(CURDIR)/$(BUILD)/caffe-pristine'; \
	  rm -rf $(BUILD)/lib.* $(BUILD)/bdist.* $(BUILD)/wheelhouse; JOBS=$(JOBS) \
	  CMAKE_ARGS='-DOPENCV_IMGCODECS=$(CURDIR)/$(BUILD)/opencv/libopencv_imgcodecs.a' $(PY) -m build --wheel \
	  --no-isolation --outdir $(BUILD)/wheelhouse . > $(BUILD)/wheel.log 2>&1 \
	  || { tail -n 40 $(BUILD)/wheel.log; exit 1; }
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" auditwheel repair --strip -w dist \
	  $(BUILD)/wheelhouse/*.whl >> $(BUILD)/wheel.log 2>&1 \
	  || { tail -n 20 $(BUILD)/wheel.log; exit 1; }
	@$(PY) python/wheel_licences.py "$$(ls -t dist/*.whl | head -n 1)" $(BUILD)/wheel/caffe/LICENSE
	@ls -s --block-size=MB dist/*.whl

sdist: $(VENV)/.release ## dist/drml_caffe-*.tar.gz, which pip builds where the -dev packages are
	@$(PY) -m build --sdist --no-isolation --outdir dist . > $(BUILD)/sdist.log 2>&1 \
	  || { tail -n 20 $(BUILD)/sdist.log; exit 1; }
	@ls -s --block-size=kB dist/*.tar.gz

# Nothing is committed, tagged or sent anywhere: the last lines say how.
release: $(VENV)/.release ## check everything, build wheel and sdist, close CHANGELOG.md: VERSION=1.1.0
	@$(PY) python/release.py '$(VERSION)'
	@$(MAKE) --no-print-directory lint test
	@rm -rf dist
	@$(MAKE) --no-print-directory wheel sdist
	$(call say,the wheel in an environment of its own)
	@tests/try_wheel.sh dist/*.whl > $(BUILD)/try_wheel.log 2>&1 \
	  || { tail -n 20 $(BUILD)/try_wheel.log; exit 1; }
	@printf '%s\n' 'Release $(VERSION) is in dist/. To keep it:' \
	  '  git commit -am "Release $(VERSION)" && git tag v$(VERSION)'
